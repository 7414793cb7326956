/**
 * A node of a cluster on this machine: Linux namespaces of its own, a private part of the file tree, its own control
 * groups, and a real containerd inside. What it makes goes away with `stop`, whether the start succeeded or not;
 * when this process is killed, the kernel ends the node, and the next start of the same node removes the rest.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CriClient, createCriClient } from "#cri/cri-client.ts";
import { createNodeCgroups } from "./cgroups.ts";
import { type Containerd, requireNetworkReady, startContainerd, waitForCri } from "./containerd.ts";
import { CONTAINERD_CONFIG, CONTAINERD_SOCKET } from "./containerd-config.ts";
import { enterNode, execInNode } from "./enter-node.ts";
import type { ImageFile } from "./images.ts";
import { importImages } from "./import-images.ts";
import { startNodeInit } from "./node-init.ts";
import { observeMachine, planNodeRoot } from "./node-root.ts";
import { pauseProgram } from "./pause.ts";
import type { ProgramResult } from "./program.ts";

export interface NodeOptions {
  /** Also the host name: a DNS label. */
  readonly name: string;
  /** A network namespace to join (`/run/netns/…`); by default the node gets a new one with nothing but `lo`. */
  readonly netnsPath?: string;
  /** The node keeps its files in `<stateDir>/<name>`, until it is stopped. */
  readonly stateDir: string;
  /** Seen by the node as /opt/cni/bin. containerd needs a plugin `loopback` there. */
  readonly binDir: string;
  /** Seen by the node as /etc/cni/net.d. A configuration that is there at the start must be usable. */
  readonly confDir: string;
  /** Imported before the node counts as started; without the pause image no pod can run. */
  readonly images: readonly ImageFile[];
  /** For containerd and CNI plugins, besides PATH. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly startTimeoutMs?: number;
}

export interface NodeSandbox extends AsyncDisposable {
  readonly name: string;
  /** Process id of the node's process 1, as this machine counts. */
  readonly initPid: number;
  readonly netnsPath: string;
  /** The node's file tree, as a path on this machine. */
  readonly rootPath: string;
  readonly criSocket: string;
  readonly cri: CriClient;
  /** For CRI: `cgroup_parent` of every pod of this node, else its control groups stay behind. */
  readonly podCgroupParent: string;
  /** Aborts when the node has ended: stopped, or with an error as reason when it died. */
  readonly ended: AbortSignal;
  /** Arguments that run `argv` in the node. */
  command(argv: readonly string[]): readonly string[];
  exec(argv: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
  /** May be called again. */
  stop(): Promise<void>;
}

/** For programs of a node. */
export const NODE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const START_TIMEOUT_MS = 30_000;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export async function startNode(options: NodeOptions, signal: AbortSignal): Promise<NodeSandbox> {
  const { name, startTimeoutMs = START_TIMEOUT_MS } = options;
  if (!DNS_LABEL.test(name)) throw new Error(`Cannot start node "${name}": the name is not a DNS label`);
  await using cleanup = new AsyncDisposableStack();
  const ended = new AbortController();
  const timeout = AbortSignal.timeout(startTimeoutMs);
  const progress = { waitsFor: "its control groups" };
  try {
    const starting = AbortSignal.any([signal, timeout, ended.signal]);
    const parts = await startParts({ options, cleanup, ended, progress }, starting);
    cleanup.defer(() => ended.abort());
    const owned = cleanup.move();
    const stop = once(() => owned.disposeAsync());
    return { ...parts, stop, [Symbol.asyncDispose]: stop };
  } catch (cause) {
    signal.throwIfAborted();
    let why = cause instanceof Error ? cause.message : String(cause);
    if (timeout.aborted) why = `after ${startTimeoutMs} ms it still waits for ${progress.waitsFor}`;
    if (ended.signal.aborted) why = String(ended.signal.reason.message);
    throw new Error(`Cannot start node "${name}": ${why}`, { cause });
  }
}

/** Removes what is left of a node whose process was killed. Rejects when it is alive. */
export async function removeNodeTraces({ name, stateDir }: Pick<NodeOptions, "name" | "stateDir">): Promise<void> {
  const nodeDir = resolve(stateDir, name);
  await using _cgroups = await createNodeCgroups(cgroupName(name, nodeDir));
  await rm(nodeDir, { recursive: true, force: true });
}

interface Start {
  readonly options: NodeOptions;
  readonly cleanup: AsyncDisposableStack;
  readonly ended: AbortController;
  readonly progress: { waitsFor: string };
}

type NodeParts = Omit<NodeSandbox, "stop" | typeof Symbol.asyncDispose>;

/** The steps in order; each one leaves its undoing in `cleanup`. */
async function startParts({ options, cleanup, ended, progress }: Start, signal: AbortSignal): Promise<NodeParts> {
  const { name, environment = {} } = options;
  const nodeDir = resolve(options.stateDir, name);
  const cgroups = cleanup.use(await createNodeCgroups(cgroupName(name, nodeDir)));
  cleanup.defer(() => rm(nodeDir, { recursive: true, force: true }));
  await writeNodeFiles(name, nodeDir);

  progress.waitsFor = "its namespaces";
  let containerd: Containerd | undefined;
  // Waited for after the node's processes were killed and before its control groups go.
  cleanup.defer(async () => void (await containerd?.exited));
  const root = { hostname: name, nodeDir, binDir: resolve(options.binDir), confDir: resolve(options.confDir) };
  const rootCommands = planNodeRoot(root, await observeMachine());
  const { netnsPath } = options;
  const init = await startNodeInit({ name, netnsPath, rootCommands, inCgroups: cgroups.inSystem }, signal);
  cleanup.defer(() => init.kill());

  progress.waitsFor = "containerd";
  containerd = await startContainerd({
    inNode: (argv) => cgroups.inSystem(enterNode(init.pid, argv)),
    logPath: join(nodeDir, "containerd.log"),
    environment: { PATH: NODE_PATH, ...environment },
  });
  void containerd.exited.then((reason) => ended.abort(new Error(reason)));
  const rootPath = `/proc/${init.pid}/root`;
  const criSocket = rootPath + CONTAINERD_SOCKET;
  const cri = cleanup.use(createCriClient(criSocket));
  await waitForCri(criSocket, cri, signal);

  progress.waitsFor = "its images";
  await importImages({ name, criSocket, cri }, options.images, signal);
  if (await hasCniConfig(options.confDir)) await requireNetworkReady(cri, signal);
  return {
    name,
    initPid: init.pid,
    netnsPath: `/proc/${init.pid}/ns/net`,
    rootPath,
    criSocket,
    cri,
    podCgroupParent: cgroups.podParent,
    ended: ended.signal,
    command: (argv) => enterNode(init.pid, argv),
    exec: (argv, signal) => execInNode(init.pid, argv, signal),
  };
}

/** Unique on this machine, and the same at the next start, which then finds what a crash left. */
function cgroupName(name: string, nodeDir: string): string {
  return `podwire-${name}-${createHash("sha256").update(nodeDir).digest("hex").slice(0, 8)}`;
}

async function writeNodeFiles(name: string, nodeDir: string): Promise<void> {
  const files = join(nodeDir, "files");
  await rm(nodeDir, { recursive: true, force: true });
  await mkdir(files, { recursive: true });
  await mkdir(join(nodeDir, "private"));
  await Promise.all([
    writeFile(join(files, "init"), pauseProgram(process.arch), { mode: 0o755 }),
    writeFile(join(files, "containerd.toml"), CONTAINERD_CONFIG),
    writeFile(join(files, "hosts"), `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`),
    // Pods without DNS settings of their own get a copy; nothing of the machine's belongs there.
    writeFile(join(files, "resolv.conf"), ""),
  ]);
}

async function hasCniConfig(confDir: string): Promise<boolean> {
  return (await readdir(confDir)).some((file) => /\.(conf|conflist|json)$/.test(file));
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= run();
    return started;
  };
}
