/**
 * Brings an index up to date with its folder, reading only files that it does not know yet.
 * The caller holds the folder's lock.
 */
import { lstatSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { AddressError, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { isFsError } from "../fs-error.ts";
import type { FolderIndex } from "./folder-index.ts";

export interface ScanResult {
  /** Files were removed that a killed process had made but not written. */
  readonly hasRepaired: boolean;
}

/** Keeps the address from being given away, and nobody can release it. */
const UNKNOWN_OWNER = "";
/**
 * What changed less than this ago may change again and have the same time, so nobody could tell.
 * Well above a timer tick, which is 10 ms at most.
 */
export const AMBIGUOUS_MS = 100;

export function scanFolder(path: string, index: FolderIndex): ScanResult {
  const present = new Set<IpAddress>();
  let hasRepaired = false;
  for (const name of readdirSync(path)) {
    const address = addressOfFile(name);
    if (address === undefined) continue;
    const stat = lstatSync(join(path, name), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) continue;
    const version = `${stat.ino}:${stat.ctimeNs}`;
    if (index.reservations.get(address)?.version !== version) {
      const owner = stat.isFile() ? readOwner(join(path, name)) : UNKNOWN_OWNER;
      if (owner === undefined) {
        unlinkSync(join(path, name));
        hasRepaired = true;
        continue;
      }
      const isUnambiguous = Date.now() - Number(stat.ctimeMs) > AMBIGUOUS_MS;
      index.set(address, { owner, version: isUnambiguous ? version : undefined });
    }
    present.add(address);
  }
  for (const address of [...index.reservations.keys()]) if (!present.has(address)) index.delete(address);
  return { hasRepaired };
}

/** Undefined for other files, also for an address in a spelling that no implementation writes. */
function addressOfFile(name: string): IpAddress | undefined {
  try {
    const address = parseAddress(name);
    return address === name ? address : undefined;
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

/** Undefined when nothing was written; a power loss may leave zeros instead. */
function readOwner(path: string): string | undefined {
  try {
    const content = readFileSync(path, "utf8");
    return /^\0*$/.test(content) ? undefined : content.trim();
  } catch (error) {
    if (isFsError(error, "EACCES", "EPERM", "EIO")) return UNKNOWN_OWNER; // there is somebody's file
    throw error;
  }
}
