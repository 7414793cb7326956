/** Starts and commands the proxy's thread. The thread shares descriptors with its owner, which closes them at its end. */
import { Worker } from "node:worker_threads";
import { findLinkIndex } from "#kernel/rtnetlink/link-ioctl.ts";
import { openTun } from "#kernel/rtnetlink/tun.ts";
import type { NodeKernel } from "../run-operations.ts";
import { describeTable, type TableEntry } from "./peer-table.ts";
import type { ProxyOptions } from "./proxy.ts";

/** What does not change while the proxy runs. */
export type ProxySettings = Pick<ProxyOptions, "port" | "listen" | "own" | "podPrefixes">;

export interface ProxyStart extends ProxySettings {
  readonly tunFd: number;
  readonly netnsFd: number;
}

export type ProxyRequest =
  | { readonly do: "program"; readonly number: number; readonly entries: readonly TableEntry[] }
  | { readonly do: "end" };

export interface ProxyReply {
  /** Number of the request; 0 when the proxy listens. */
  readonly done: number;
}

export interface ProxyThread extends AsyncDisposable {
  /** Of the TUN link that it serves. */
  readonly ifindex: number | undefined;
  readonly settings: ProxySettings;
  /** False after its thread has ended by itself. */
  readonly isRunning: boolean;
  /** Table it was last given, as `describeTable` says it. */
  readonly table: string;
  program(entries: readonly TableEntry[], signal: AbortSignal): Promise<void>;
}

export interface ProxyThreadOptions {
  readonly kernel: NodeKernel;
  readonly link: string;
  readonly settings: ProxySettings;
  /** File of proxy-worker.ts; a bundle has its own. */
  readonly workerUrl: URL;
  /** The thread ended by itself: the link is gone, for example. Apply again. */
  readonly onEnd: (cause: unknown) => void;
}

const END_TIMEOUT_MS = 5000;

/** Rejects when the link is in use by another process (EBUSY), or the port (EADDRINUSE). */
export async function startProxyThread(options: ProxyThreadOptions, signal: AbortSignal): Promise<ProxyThread> {
  const { kernel, link, settings, workerUrl } = options;
  const tun = openTun({ netns: kernel.netns, name: link, mode: "tun" });
  const workerData: ProxyStart = { ...settings, tunFd: tun.fd, netnsFd: kernel.netns.fd };
  const worker = new Worker(workerUrl, { workerData, name: "udp-proxy" });
  let isRunning = true;
  let isEnding = false;
  let cause: unknown;
  worker.on("error", (error) => {
    cause = error;
  });
  // Not `once`, which an error rejects before the thread has ended.
  const exited = new Promise((resolve) => worker.once("exit", resolve)).then(() => {
    isRunning = false;
    tun[Symbol.dispose]();
    if (!isEnding) options.onEnd(cause);
  });
  const end = async (): Promise<void> => {
    isEnding = true;
    worker.postMessage({ do: "end" } satisfies ProxyRequest);
    const deadline = setTimeout(() => void worker.terminate(), END_TIMEOUT_MS);
    await exited;
    clearTimeout(deadline);
  };
  let last = 0;
  let table = "";
  try {
    await reply(worker, 0, exited, () => cause, signal);
  } catch (error) {
    await end();
    throw new Error(`Cannot start the udp proxy on port ${settings.port}: ${messageOf(error)}`, { cause: error });
  }
  return {
    ifindex: findLinkIndex(kernel.socket, link),
    settings,
    get isRunning() {
      return isRunning;
    },
    get table() {
      return table;
    },
    async program(entries, deadline) {
      const number = ++last;
      worker.postMessage({ do: "program", number, entries } satisfies ProxyRequest);
      await reply(worker, number, exited, () => cause, deadline);
      table = describeTable(entries);
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Resolves with the reply to a request; rejects when the thread ends before, or the signal says so. */
async function reply(
  worker: Worker,
  number: number,
  exited: Promise<void>,
  causeOf: () => unknown,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onMessage = ({ done }: ProxyReply) => done === number && resolve();
  const onAbort = () => reject(signal.reason);
  worker.on("message", onMessage);
  signal.addEventListener("abort", onAbort);
  void exited.then(() => reject(causeOf() ?? new Error("its thread ended")));
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    worker.off("message", onMessage);
    signal.removeEventListener("abort", onAbort);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
