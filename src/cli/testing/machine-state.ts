/**
 * What a test run could leave behind, as sets of names that can be compared: links, named network namespaces, mounts,
 * control groups, processes, temporary files.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const STATE_KINDS = ["links", "namespaces", "mounts", "cgroups", "processes", "temporary files"] as const;

export type StateKind = (typeof STATE_KINDS)[number];
export type MachineState = Readonly<Partial<Record<StateKind, readonly string[]>>>;

const READERS: Readonly<Record<StateKind, () => readonly string[]>> = {
  links: () => linkNames(execFileSync("ip", ["-o", "link"], { encoding: "utf8" })),
  namespaces: () => entries("/run/netns"),
  mounts: () => mountNames(readFileSync("/proc/self/mountinfo", "utf8")),
  cgroups: () => foldersNamed("/sys/fs/cgroup", /podwire/),
  processes: () => entries("/proc").flatMap(processName),
  "temporary files": () => entries(tmpdir()),
};

export function readMachineState(kinds: readonly StateKind[] = STATE_KINDS): MachineState {
  return Object.fromEntries(kinds.map((kind) => [kind, READERS[kind]()]));
}

export interface Leftover {
  readonly kind: StateKind;
  readonly name: string;
}

/** What is there now and was not there before. */
export function leftovers(before: MachineState, after: MachineState): readonly Leftover[] {
  return STATE_KINDS.flatMap((kind) => {
    const known = new Set(before[kind]);
    return (after[kind] ?? []).filter((name) => !known.has(name)).map((name) => ({ kind, name }));
  });
}

/** From `ip -o link`: `2: eth0@if3: <…`. */
export function linkNames(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? []);
}

/** Mount point and file system type, by proc_pid_mountinfo(5): the type is the first field behind " - ". */
export function mountNames(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [head = "", tail = ""] = line.split(" - ");
    const mountPoint = head.split(" ")[4];
    return mountPoint === undefined ? [] : [`${mountPoint} (${tail.split(" ")[0]})`];
  });
}

/** Processes by number and command; none for zombies, and for those that ended meanwhile. */
function processName(pid: string): readonly string[] {
  if (!/^\d+$/.test(pid)) return [];
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    if (stat.slice(stat.lastIndexOf(")")).startsWith(") Z")) return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return command === "" ? [] : [`${pid} ${command}`];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function foldersNamed(folder: string, pattern: RegExp): readonly string[] {
  return readFolder(folder).flatMap((entry) => {
    if (!entry.isDirectory()) return [];
    const path = join(folder, entry.name);
    return [...(pattern.test(entry.name) ? [path] : []), ...foldersNamed(path, pattern)];
  });
}

function entries(folder: string): readonly string[] {
  return readFolder(folder).map((entry) => entry.name);
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** ESRCH: the process ended while its files were read. */
function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH");
}
