/**
 * Whether a reservation has outlived its pod. After a reboot no runtime asks to delete the pods of before, so their
 * addresses would never come back. Evidence is needed, because a folder may hold reservations of anybody: the file is
 * older than this boot, and libcni's cache names a network namespace for it that does not exist any more.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { parseJson } from "#cni/go-json.ts";
import type { Attachment } from "#cni/plugin.ts";
import { isFsError } from "../fs-error.ts";

export interface Staleness {
  /** `modifiedMs`: when the reservation was written. */
  isStale(attachment: Attachment, modifiedMs: number): boolean;
}

export function createStaleness(resultsDir: string, bootTimeMs: () => number = readBootTimeMs): Staleness {
  return {
    isStale(attachment, modifiedMs) {
      if (modifiedMs >= bootTimeMs()) return false;
      const netns = cachedNetns(resultsDir, attachment);
      return netns !== undefined && !existsSync(netns);
    },
  };
}

/** `btime`: proc(5). 0 where there is none, so that nothing is older. */
function readBootTimeMs(): number {
  const [, seconds = "0"] = /^btime (\d+)$/m.exec(readFileSync("/proc/stat", "utf8")) ?? [];
  return Number(seconds) * 1000;
}

/** The namespace in which libcni made the attachment. Undefined when the cache does not know, or is of another form. */
function cachedNetns(resultsDir: string, { network, containerId, ifname }: Attachment): string | undefined {
  const cached = readCache(join(resultsDir, `${network}-${containerId}-${ifname}`));
  if (cached?.["kind"] !== "cniCacheV1") return undefined;
  // The file's name alone is ambiguous: all three parts may hold a dash.
  const isSame =
    cached["networkName"] === network && cached["containerId"] === containerId && cached["ifName"] === ifname;
  const netns = cached["netns"];
  return isSame && typeof netns === "string" && netns.startsWith("/") ? netns : undefined;
}

function readCache(path: string): JsonObject | undefined {
  try {
    const json = parseJson(readFileSync(path));
    return isJsonObject(json) ? json : undefined;
  } catch (error) {
    if (isFsError(error) || error instanceof SyntaxError) return undefined; // no evidence
    throw error;
  }
}
