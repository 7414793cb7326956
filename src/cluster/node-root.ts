/**
 * The file tree that a node sees: the machine's own, with the paths private that a Kubernetes node owns.
 * Everything private lies in one tmpfs, the node's /run. Nothing is written to the machine's disk: `/etc`, and the closest folder to a
 * mount point that is missing, are covered by an overlay. Planned here as mount(8) commands, run by `node-init.ts`.
 * Source: mount(8), mount_namespaces(7); /sys must be renewed because it shows the devices of its network namespace.
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { CONTAINERD_SOCKET } from "./containerd-config.ts";

/** Folders that start empty in every new node: its disk. */
const PRIVATE_FOLDERS = [
  "/var/lib/cni",
  "/var/lib/containerd",
  "/var/lib/kubelet",
  "/var/lib/podwire",
  "/var/log/pods",
] as const;

/** Inside the node: where containerd looks for plugins. */
export const CNI_BIN_DIR = "/opt/cni/bin";
const CNI_CONF_DIR = "/etc/cni/net.d";

/** Inside the node: what the node's own processes need from outside. */
export const NODE_FILES_DIR = "/run/podwire-node";

/** Mounts wait here while their places are made. */
const HELD_BIN = `${NODE_FILES_DIR}/bin`;
const HELD_CONF = `${NODE_FILES_DIR}/conf`;
const HELD_CGROUP = `${NODE_FILES_DIR}/cgroup`;
const HELD_DISK = `${NODE_FILES_DIR}/disk`;

export interface NodeRoot {
  readonly hostname: string;
  /** The node's folder on the machine, with `private/` (empty) and `files/`: init, hosts, resolv.conf, … */
  readonly nodeDir: string;
  readonly binDir: string;
  readonly confDir: string;
  /** Outlives the node; by default its disk is lost with it. */
  readonly diskDir?: string | undefined;
}

export interface MachineFacts {
  /** Mount points that are missing, each with the closest folder above it that is there. */
  readonly missing: Readonly<Record<string, string>>;
  readonly hasBpfFs: boolean;
}

export type Command = readonly [string, ...string[]];

export async function observeMachine(): Promise<MachineFacts> {
  const missing: Record<string, string> = {};
  for (const path of [CNI_BIN_DIR, CNI_CONF_DIR, ...PRIVATE_FOLDERS]) {
    const closest = await closestFolder(path);
    if (closest !== path) missing[path] = closest;
  }
  return { missing, hasBpfFs: (await closestFolder("/sys/fs/bpf")) === "/sys/fs/bpf" };
}

/** Commands of busybox for a new mount and UTS namespace, in order. `-n`: the machine's list of mounts, /run/mount, is not ours. */
export function planNodeRoot(
  { hostname, nodeDir, binDir, confDir, diskDir }: NodeRoot,
  facts: MachineFacts,
): Command[] {
  const covered = overlayFolders(["/etc", ...Object.values(facts.missing)]);
  const draft = `${nodeDir}/private`;
  return [
    ["mount", "-n", "--make-rprivate", "/"],
    // The tmpfs takes in what lies on the machine before anything is covered, and then becomes /run.
    ["mount", "-n", "-t", "tmpfs", "-o", "mode=0755", "podwire", draft],
    ["cp", "-R", `${nodeDir}/files`, draft + inRun(NODE_FILES_DIR)],
    ["mkdir", ...[HELD_BIN, HELD_CONF, HELD_CGROUP, HELD_DISK].map((path) => draft + inRun(path))],
    ["mkdir", "-m", "0711", draft + inRun(dirname(CONTAINERD_SOCKET))],
    ["mount", "-n", "--bind", binDir, draft + inRun(HELD_BIN)],
    ["mount", "-n", "--bind", confDir, draft + inRun(HELD_CONF)],
    ...(diskDir === undefined ? [] : [["mount", "-n", "--bind", diskDir, draft + inRun(HELD_DISK)] satisfies Command]),
    ["mount", "-n", "--move", draft, "/run"],
    ...covered.flatMap(coverByOverlay),
    ["mkdir", "-p", CNI_BIN_DIR, CNI_CONF_DIR, ...PRIVATE_FOLDERS],
    ["mount", "-n", "--move", HELD_BIN, CNI_BIN_DIR],
    ["mount", "-n", "--move", HELD_CONF, CNI_CONF_DIR],
    ["cp", "--remove-destination", `${NODE_FILES_DIR}/hosts`, `${NODE_FILES_DIR}/resolv.conf`, "/etc/"],
    ["mkdir", "-p", ...PRIVATE_FOLDERS.map((path) => HELD_DISK + path)],
    ...PRIVATE_FOLDERS.map((path): Command => ["mount", "-n", "--bind", HELD_DISK + path, path]),
    ["mount", "-n", "-t", "proc", "proc", "/proc"],
    ["hostname", hostname],
    // The cgroup mounts are held while /sys changes. This must come before the tree is shared: the lazy
    // unmount would reach the held ones.
    ["mount", "-n", "--rbind", "/sys/fs/cgroup", HELD_CGROUP],
    ["umount", "-n", "-l", "/sys"],
    ["mount", "-n", "-t", "sysfs", "sysfs", "/sys"],
    ["mount", "-n", "--rbind", HELD_CGROUP, "/sys/fs/cgroup"],
    ["umount", "-n", "-l", HELD_CGROUP],
    ...(facts.hasBpfFs ? [["mount", "-n", "-t", "bpf", "bpf", "/sys/fs/bpf"] satisfies Command] : []),
    ["ip", "link", "set", "lo", "up"],
    // Kubernetes' HostToContainer and Bidirectional mounts need a shared tree.
    ["mount", "-n", "--make-rshared", "/"],
  ];
}

function inRun(path: string): string {
  return path.slice("/run".length);
}

/** For a shell; arguments are taken literally. */
export function shellScript(commands: readonly Command[]): string {
  return commands
    .map((command) => command.map((argument) => `'${argument.replaceAll("'", "'\\''")}'`).join(" "))
    .join("\n");
}

/** Without folders that lie in another one of the list. */
export function overlayFolders(folders: readonly string[]): readonly string[] {
  const unique = [...new Set(folders)].toSorted();
  return unique.filter((folder) => !unique.some((other) => other !== folder && folder.startsWith(`${other}/`)));
}

function coverByOverlay(folder: string): Command[] {
  const place = `${NODE_FILES_DIR}/overlay${folder}`;
  const options = `lowerdir=${folder},upperdir=${place}/upper,workdir=${place}/work`;
  return [
    ["mkdir", "-p", `${place}/upper`, `${place}/work`],
    ["mount", "-n", "-t", "overlay", "-o", options, "overlay", folder],
  ];
}

async function closestFolder(path: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
  }
  return closestFolder(dirname(path));
}
