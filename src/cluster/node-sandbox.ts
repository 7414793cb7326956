/**
 * A node of a cluster on this machine: Linux namespaces of its own, a private part of the file tree, its own control
 * groups, and a real containerd inside. What it makes goes away with `stop`, whether the start succeeded or not;
 * when this process is killed, the kernel ends the node, and the next start of the same node removes the rest.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type CriClient, createCriClient } from "#cri/cri-client.ts";
import { type Containerd, requireNetworkReady, startContainerd, waitForCri } from "./containerd.ts";
import type { ImageFile } from "./images.ts";
import { importImages } from "./import-images.ts";
import { startNodeMachine } from "./node-machine.ts";
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

export async function startNode(options: NodeOptions, signal: AbortSignal): Promise<NodeSandbox> {
  const { name, startTimeoutMs = START_TIMEOUT_MS } = options;
  await using cleanup = new AsyncDisposableStack();
  const ended = new AbortController();
  const timeout = AbortSignal.timeout(startTimeoutMs);
  const progress = { waitsFor: "its namespaces" };
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
  const machine = cleanup.use(await startNodeMachine(options, signal));

  progress.waitsFor = "containerd";
  let containerd: Containerd | undefined;
  // Waited for after the node's processes were killed and before its control groups go.
  cleanup.defer(async () => void (await containerd?.exited));
  cleanup.defer(() => machine.kill());
  containerd = await startContainerd({
    inNode: machine.daemon,
    logPath: join(machine.nodeDir, "containerd.log"),
    environment: { PATH: NODE_PATH, ...environment },
  });
  void containerd.exited.then((reason) => ended.abort(new Error(reason)));
  const { rootPath, criSocket } = machine;
  const cri = cleanup.use(createCriClient(criSocket));
  await waitForCri(criSocket, cri, signal);

  progress.waitsFor = "its images";
  await importImages({ name, criSocket, cri }, options.images, signal);
  if (await hasCniConfig(options.confDir)) await requireNetworkReady(cri, signal);
  const { initPid, netnsPath, podCgroupParent, command, exec } = machine;
  return { name, initPid, netnsPath, rootPath, criSocket, cri, podCgroupParent, ended: ended.signal, command, exec };
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
