/**
 * The machine that a node of a cluster here is, without anything running on it: Linux namespaces, a private part of the
 * file tree, control groups of its own. What it makes goes away with it; when this process is killed, the kernel ends
 * it, and the next start of the same node, or `removeNodeTraces`, removes the rest.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createNodeCgroups, endCgroupProcesses } from "./cgroups.ts";
import { CONTAINERD_CONFIG, CONTAINERD_SOCKET } from "./containerd-config.ts";
import { enterNode, execInNode } from "./enter-node.ts";
import { startNodeInit } from "./node-init.ts";
import { observeMachine, planNodeRoot } from "./node-root.ts";
import { pauseProgram } from "./pause.ts";
import type { ProgramResult } from "./program.ts";

export interface NodeMachineOptions {
  /** Also the host name: a DNS label. */
  readonly name: string;
  /** A network namespace to join (`/run/netns/…`); by default the node gets a new one with nothing but `lo`. */
  readonly netnsPath?: string | undefined;
  /** The node keeps its files in `<stateDir>/<name>`, until it is stopped. */
  readonly stateDir: string;
  /** Seen by the node as /opt/cni/bin. */
  readonly binDir: string;
  /** Seen by the node as /etc/cni/net.d; by default an empty folder of its own. */
  readonly confDir?: string;
  /** What the node has there outlives it; by default its disk is lost with it. */
  readonly diskDir?: string;
}

export interface NodeMachine extends AsyncDisposable {
  readonly name: string;
  /** Process id of the node's process 1, as this machine counts. */
  readonly initPid: number;
  readonly netnsPath: string;
  /** The node's file tree, as a path on this machine. */
  readonly rootPath: string;
  /** Of the containerd that is to run there. */
  readonly criSocket: string;
  /** For CRI: `cgroup_parent` of every pod of this node, else its control groups stay behind. */
  readonly podCgroupParent: string;
  /** On this machine; it goes with the node. */
  readonly nodeDir: string;
  /** Settles when every process of the node has ended, whoever ended them. */
  readonly exited: Promise<unknown>;
  /** Arguments that run `argv` in the node. */
  command(argv: readonly string[]): readonly string[];
  /** Arguments that run `argv` in the node and in the control groups of its daemons. */
  daemon(argv: readonly string[]): readonly string[];
  exec(argv: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
  /** Ends every process at once, as a power cut does; files and control groups stay. May be called again. */
  kill(): Promise<void>;
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export async function startNodeMachine(options: NodeMachineOptions, signal: AbortSignal): Promise<NodeMachine> {
  const { name, netnsPath, stateDir, binDir, diskDir } = options;
  if (!DNS_LABEL.test(name)) throw new Error("the name is not a DNS label");
  const nodeDir = resolve(stateDir, name);
  await using cleanup = new AsyncDisposableStack();
  // Made first and removed last: by its folder a node is found whose process was killed, whatever else of it there is.
  await mkdir(nodeDir, { recursive: true });
  const cgroups = await createNodeCgroups(cgroupName(name, nodeDir)); // rejects when the node is alive: its folder stays
  cleanup.defer(() => rm(nodeDir, { recursive: true, force: true }));
  cleanup.use(cgroups);
  await writeNodeFiles(name, nodeDir);
  const confDir = resolve(options.confDir ?? join(nodeDir, "conf"));
  const rootCommands = planNodeRoot(
    { hostname: name, nodeDir, binDir: resolve(binDir), confDir, diskDir },
    await observeMachine(),
  );
  const init = await startNodeInit({ name, netnsPath, rootCommands, inCgroups: cgroups.inSystem }, signal);
  cleanup.defer(() => init.kill());
  const owned = cleanup.move();
  const rootPath = `/proc/${init.pid}/root`;
  return {
    name,
    initPid: init.pid,
    netnsPath: `/proc/${init.pid}/ns/net`,
    rootPath,
    criSocket: rootPath + CONTAINERD_SOCKET,
    podCgroupParent: cgroups.podParent,
    nodeDir,
    exited: init.exited,
    command: (argv) => enterNode(init.pid, argv),
    daemon: (argv) => cgroups.inSystem(enterNode(init.pid, argv)),
    exec: (argv, current) => execInNode(init.pid, argv, current),
    kill: () => init.kill(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export type NodePlace = Pick<NodeMachineOptions, "name" | "stateDir">;

/** Removes what is left of a node whose process was killed. Rejects when it is alive. */
export async function removeNodeTraces({ name, stateDir }: NodePlace): Promise<void> {
  const nodeDir = resolve(stateDir, name);
  const cgroups = await createNodeCgroups(cgroupName(name, nodeDir));
  await cgroups[Symbol.asyncDispose]();
  await rm(nodeDir, { recursive: true, force: true });
}

/** Resolves when no process of such a node is left: those of one whose process was killed may still be dying. */
export async function endNodeProcesses({ name, stateDir }: NodePlace, signal: AbortSignal): Promise<void> {
  await endCgroupProcesses(cgroupName(name, resolve(stateDir, name)), signal);
}

/**
 * Unique on this machine, and the same at the next start, which then finds what a crash left. Mount namespaces share
 * control groups, but may have different folders under the same path: the file system tells them apart.
 */
export function cgroupName(name: string, nodeDir: string): string {
  const place = `${nodeDir} ${deviceOf(nodeDir)}`;
  return `podwire-${name}-${createHash("sha256").update(place).digest("hex").slice(0, 8)}`;
}

/** Of the path, or of what it will be made in. */
function deviceOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.dev ?? deviceOf(dirname(path));
}

async function writeNodeFiles(name: string, nodeDir: string): Promise<void> {
  const files = join(nodeDir, "files");
  await rm(nodeDir, { recursive: true, force: true });
  await mkdir(files, { recursive: true });
  await Promise.all(["private", "conf"].map((folder) => mkdir(join(nodeDir, folder))));
  await Promise.all([
    writeFile(join(files, "init"), pauseProgram(process.arch), { mode: 0o755 }),
    writeFile(join(files, "containerd.toml"), CONTAINERD_CONFIG),
    writeFile(join(files, "hosts"), `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`),
    // Pods without DNS settings of their own get a copy; nothing of the machine's belongs there.
    writeFile(join(files, "resolv.conf"), ""),
  ]);
}
