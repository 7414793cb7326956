/** Wakes pods when their containers start or end: containerd's events, and a slow look at everything as back-up. */
import { sleep } from "#api-client/sleep.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { isNotFound } from "#cri/cri-error.ts";
import { subscribeTaskEvents, type TaskEvent } from "#cri/subscribe-task-events.ts";
import { POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL } from "./container/sandbox-config.ts";
import type { PodIdentity } from "./pod-worker/create-pod-workers.ts";

export interface RuntimePod extends PodIdentity {
  readonly uid: string;
}

export type FollowedCri = Pick<CriClient, "listPodSandbox" | "listContainers" | "containerStatus" | "podSandboxStatus">;

export interface RuntimeFollowerOptions {
  readonly criSocket: string;
  readonly cri: FollowedCri;
  /** A container or sandbox has started or ended, and CRI shows it. */
  onTask(id: string): void;
  /** All pods that the runtime has anything of. Also when the runtime comes back. */
  onRelist(pods: readonly RuntimePod[]): void;
  /** The runtime does not answer. */
  onLost(): void;
  onError(what: string, error: unknown): void;
}

const RELIST_MS = 60_000;
const RECONNECT_MS = 1_000;
/** The event comes a few milliseconds before CRI's own books are written. */
const SETTLE_MS = 10_000;
const LONGEST_PAUSE_MS = 100;
const STARTED = "/tasks/start";
const ENDED = "/tasks/exit";

export function followRuntime(options: RuntimeFollowerOptions): AsyncDisposable {
  const { criSocket, cri, onTask, onRelist, onLost, onError } = options;
  const stop = new AbortController();
  const { signal } = stop;

  async function relist(): Promise<void> {
    try {
      const [{ items }, { containers }] = await Promise.all([
        cri.listPodSandbox({}, signal),
        cri.listContainers({}, signal),
      ]);
      const pods = [...items, ...containers].flatMap(({ labels }): (readonly [string, RuntimePod])[] => {
        const uid = labels[POD_UID_LABEL];
        const [namespace = "", name = ""] = [labels[POD_NAMESPACE_LABEL], labels[POD_NAME_LABEL]];
        return uid === undefined ? [] : [[uid, { uid, namespace, name }]];
      });
      onRelist([...new Map(pods).values()]);
    } catch (error) {
      if (!signal.aborted) onError("cannot list pods of the runtime", error);
    }
  }

  function take({ topic, containerId, isExec }: TaskEvent): void {
    if (topic === STARTED) onTask(containerId);
    else if (topic === ENDED && !isExec) {
      settled(cri, containerId, AbortSignal.any([signal, AbortSignal.timeout(SETTLE_MS)])).then(
        () => onTask(containerId),
        (error: unknown) => {
          if (!signal.aborted) onError(`end of ${containerId}`, error);
        },
      );
    }
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      const lost = subscribeTaskEvents(criSocket, take, signal).catch((error: unknown) => {
        onError("lost the runtime's events", error);
      });
      // What happened while nobody listened.
      await Promise.all([relist(), lost]);
      if (!signal.aborted) onLost();
      await sleep(RECONNECT_MS, signal);
    }
  }

  async function repeat(): Promise<void> {
    while (!signal.aborted) {
      await sleep(RELIST_MS, signal);
      if (!signal.aborted) await relist();
    }
  }

  const done = Promise.all([follow(), repeat()]);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      await done;
    },
  };
}

/** Resolves when CRI does not show it as running any more; no event tells that. */
async function settled(cri: FollowedCri, id: string, signal: AbortSignal): Promise<void> {
  for (let pauseMs = 1; await isRunning(cri, id, signal); pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    await sleep(pauseMs, signal);
  }
}

async function isRunning(cri: FollowedCri, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await cri.containerStatus({ containerId: id }, signal)).status?.state === "CONTAINER_RUNNING";
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    // It is a sandbox then, or nothing any more.
    return (await cri.podSandboxStatus({ podSandboxId: id }, signal)).status?.state === "SANDBOX_READY";
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
