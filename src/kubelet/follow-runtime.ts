/** Wakes pods when their containers start or end: containerd's events, and a slow look at everything as back-up. */
import { sleep } from "#api-client/sleep.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { subscribeTaskEvents } from "#cri/subscribe-task-events.ts";
import { POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL } from "./container/sandbox-config.ts";
import type { PodIdentity } from "./pod-worker/create-pod-workers.ts";

export interface RuntimePod extends PodIdentity {
  readonly uid: string;
}

export interface RuntimeFollowerOptions {
  readonly criSocket: string;
  readonly cri: Pick<CriClient, "listPodSandbox" | "listContainers">;
  onTask(containerId: string): void;
  /** All pods that the runtime has anything of. */
  onRelist(pods: readonly RuntimePod[]): void;
  onError(what: string, error: unknown): void;
}

const RELIST_MS = 60_000;
const RECONNECT_MS = 1_000;

export function followRuntime(options: RuntimeFollowerOptions): AsyncDisposable {
  const { criSocket, cri, onTask, onRelist, onError } = options;
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

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      const subscribed = subscribeTaskEvents(criSocket, ({ containerId }) => onTask(containerId), signal);
      // What happened while nobody listened.
      await Promise.all([relist(), subscribed.catch((error: unknown) => onError("lost the runtime's events", error))]);
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
