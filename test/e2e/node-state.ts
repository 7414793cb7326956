/**
 * What pods leave in a node when they are not removed cleanly, as text that can be compared: links, addresses, routes,
 * rules, named network namespaces, and the files of plugins, runtime and agent. Read by `ip` and `nft`, not by our code.
 */
import { globSync, readdirSync } from "node:fs";
import type { NodeSandbox } from "#cluster/node-sandbox.ts";

export interface NodeState {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  /** `nft list ruleset`, which holds iptables-nft's rules too, without counters. */
  readonly ruleset: readonly string[];
  readonly namespaces: readonly string[];
  readonly files: readonly string[];
}

const FOLDERS = ["/var/lib/podwire", "/var/lib/cni", "/run/podwire"];

export async function readNodeState(node: NodeSandbox, signal: AbortSignal): Promise<NodeState> {
  const lines = async (...argv: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await node.exec(argv, signal);
    if (code !== 0) throw new Error(`Cannot run "${argv.join(" ")}" in the node: ${stderr}`);
    return stdout.split("\n").filter((line) => line !== "");
  };
  return {
    links: (await lines("ip", "-o", "link")).map((line) => withoutState(line)).toSorted(),
    addresses: (await lines("ip", "-o", "address")).filter(isNotLinkLocal).map(withoutIndex).toSorted(),
    routes: [...(await lines("ip", "route", "show", "table", "all")), ...(await lines("ip", "-6", "route"))]
      .filter(isNotLinkLocal)
      .map((line) => line.replace(/ linkdown/, "").trim())
      .toSorted(),
    ruleset: await lines("nft", "-s", "list", "ruleset"),
    namespaces: readdirSync(`${node.rootPath}/run/netns`).toSorted(),
    files: FOLDERS.flatMap((folder) => globSync(`${node.rootPath}${folder}/**`))
      .map((path) => path.slice(node.rootPath.length))
      .toSorted(),
  };
}

/** `3: cni0: <NO-CARRIER,…> mtu 1500 … link/ether …`: name, MTU and hardware address. */
function withoutState(line: string): string {
  const [, name] = /^\d+: ([^:@]+)/.exec(line) ?? [];
  return `${name} ${/ mtu \d+/.exec(line)?.[0].trim()} ${/link\/\S+ \S+/.exec(line)?.[0]}`;
}

function withoutIndex(line: string): string {
  return line.replace(/^\d+: /, "");
}

/** The kernel gives a bridge one some time after its first port came up. */
function isNotLinkLocal(line: string): boolean {
  return !/ fe80::|^fe80::|^(multicast|local|anycast) (ff00|fe80)::/.test(line);
}
