/**
 * All that an attachment could leave behind, as sorted lines: links, addresses and routes of the node and of a pod, the
 * node's whole ruleset, and files of the plugins and the agent. Two snapshots are equal when nothing is left.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { JOURNAL_FILES, recordsBelow } from "#agent/testing/ledger-state.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import type { TestNode } from "./node.ts";

const STATE_FOLDERS = ["ipam", "flannel", "state"];
/** What a network's first pod leaves for the others, on purpose. */
const LASTING_FILES = /^(last_reserved_ip\.\d+|lock|epoch)$/;

const IP_COMMANDS = "link show\naddr show\nroute show table all\n";

export async function takeSnapshot(node: TestNode, pods: readonly Netns[]): Promise<readonly string[]> {
  const texts = await Promise.all([
    outputIn(node.netns, ["nft", "list", "ruleset"]),
    ...[node.netns, ...pods].map((netns) => outputIn(netns, ["ip", "-o", "-batch", "-"], { input: IP_COMMANDS })),
  ]);
  return texts.flatMap(linesOf).toSorted().concat(stateFiles(node));
}

/** Link states and link-local addresses come and go by themselves. */
function linesOf(text: string): readonly string[] {
  return text
    .replaceAll(
      /elements = \{([^}]*)\}/g,
      (_all, elements: string) => `${elements.split(",").map(String).join("\n")}\n`,
    )
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "))
    .filter((line) => !/fe80:|^ff00::|multicast/.test(line))
    .map((line) =>
      line
        .replace(/^\d+: /, "")
        .replace(/<[^>]*>.*?(alias .*)?$/, "$1")
        .trim(),
    );
}

export function stateFiles({ folder }: TestNode): readonly string[] {
  return [...STATE_FOLDERS.flatMap((name) => filesBelow(join(folder, name))), ...recordsBelow(join(folder, "state"))];
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !LASTING_FILES.test(entry.name) && !JOURNAL_FILES.test(entry.name))
      .map(({ parentPath, name }) => `${join(parentPath, name)}: ${readFileSync(join(parentPath, name), "utf8")}`)
      .toSorted();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
