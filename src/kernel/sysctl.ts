/**
 * Network settings of a namespace, below /proc/sys/net. Equal to `sysctl net.…`.
 * A key is the path below /proc/sys, with slashes: names of links may contain dots (`net/ipv4/conf/eth0.5/rp_filter`).
 * Source: Documentation/networking/ip-sysctl.rst; the files show the namespace of the thread that opens them.
 */
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { inNetns, isOwnNetns, type Netns } from "./netns/netns.ts";

export class SysctlError extends Error {
  override readonly name = "SysctlError";
  readonly key: string;
  /** errno name such as "ENOENT" (no such setting), or "EKEY" for a key that is none. */
  readonly code: string;

  constructor(action: string, key: string, cause?: unknown) {
    const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "EKEY";
    const reason = cause instanceof Error ? cause.message : "not a path of names below net/";
    super(`Cannot ${action} sysctl "${key}": ${reason}`, { cause });
    this.key = key;
    this.code = code;
  }
}

export function readSysctl(netns: Pick<Netns, "fd" | "inode">, key: string): string {
  const path = sysctlPath("read", key);
  return inNetns(netns, () => read(path, key));
}

export function writeSysctl(netns: Pick<Netns, "fd" | "inode">, key: string, value: string | number): void {
  writeSysctls(netns, { [key]: value });
}

/**
 * Several settings in one entry of the namespace, in the order given. What is set already is not written: that costs
 * no more (reading takes half of a write) and works where /proc/sys is read-only.
 */
export function writeSysctls(
  netns: Pick<Netns, "fd" | "inode">,
  values: Readonly<Record<string, string | number>>,
): void {
  const writes = Object.entries(values).map(([key, value]) => ({
    key,
    value: String(value),
    path: sysctlPath("write", key),
  }));
  if (writes.length === 0) return;
  const isHome = isOwnNetns(netns);
  inNetns(netns, () => {
    for (const { key, value, path } of writes) {
      if (isHome ? isKeptSet(path, value) : isSet(path, value)) continue;
      try {
        writeFileSync(path, value, { flag: "r+" });
      } catch (cause) {
        throw new SysctlError("write", key, cause);
      }
    }
  });
}

/**
 * Descriptors of settings of the own namespace, which are asked for with each pod: opening one takes most of the time.
 * One whose link is gone fails to read, also when there is another link of that name.
 */
const kept = new Map<string, number>();
/** Links come and go. */
const MAX_KEPT = 256;
/** The settings that are written are numbers. */
const readBuffer = Buffer.alloc(64);

function isKeptSet(path: string, wanted: string): boolean {
  try {
    let fd = kept.get(path);
    if (fd === undefined) {
      if (kept.size === MAX_KEPT) forget(kept.keys().next().value ?? path);
      fd = openSync(path, "r");
      kept.set(path, fd);
    }
    return readBuffer.toString("latin1", 0, readSync(fd, readBuffer, 0, readBuffer.length, 0)).trim() === wanted;
  } catch {
    forget(path);
    return isSet(path, wanted);
  }
}

function forget(path: string): void {
  const fd = kept.get(path);
  if (fd !== undefined) closeSync(fd);
  kept.delete(path);
}

/** Some settings cannot be read: then writing decides, and reports. */
function isSet(path: string, value: string): boolean {
  try {
    return readFileSync(path, "utf8").trim() === value;
  } catch {
    return false;
  }
}

function read(path: string, key: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new SysctlError("read", key, cause);
  }
}

function sysctlPath(action: string, key: string): string {
  const names = key.split("/");
  const valid = names.length > 1 && names[0] === "net" && names.every((name) => /^(?!\.{1,2}$)[^\0]+$/.test(name));
  if (!valid) throw new SysctlError(action, key);
  return `/proc/sys/${key}`;
}
