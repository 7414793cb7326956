/**
 * The frame of most controllers: handlers put keys into a queue, and once all informers have synced, workers take
 * them out. Keys that come before are kept, so that the first look at anything is at the whole.
 */
import { isApiError } from "#api/api-error.ts";
import { createWorkQueue } from "#api-client/create-work-queue.ts";
import type { WorkQueue } from "#api-client/work-queue.ts";
import type { ControllerContext } from "./controller.ts";

export type KeyQueue = Pick<WorkQueue, "add" | "addAfter">;

export interface ControlLoop {
  readonly name: string;
  readonly workers: number;
  readonly informers: readonly { readonly synced: Promise<void> }[];
  /** Subscribes to what changes; `subscriptions` undoes it. May wait until it knows everything. */
  subscribe(queue: KeyQueue, subscriptions: AsyncDisposableStack): void | Promise<void>;
  /** Makes one thing so. A rejection brings the key back after a while. */
  work(key: string, signal: AbortSignal, queue: KeyQueue): Promise<void>;
}

/** Resolves when the informers have synced and the workers run. */
export async function startControlLoop(
  { log }: Pick<ControllerContext, "log">,
  { name, workers, informers, subscribe, work }: ControlLoop,
): Promise<AsyncDisposable> {
  await using subscriptions = new AsyncDisposableStack();
  const early = new Set<string>();
  let queue: WorkQueue | undefined;
  const keys: KeyQueue = {
    add(key) {
      if (queue === undefined) early.add(key);
      else queue.add(key);
    },
    addAfter(key, delayMs) {
      if (queue === undefined) early.add(key);
      else queue.addAfter(key, delayMs);
    },
  };
  await Promise.all([subscribe(keys, subscriptions), ...informers.map(({ synced }) => synced)]);
  queue = createWorkQueue({
    name,
    workers,
    async work(key, signal) {
      try {
        await work(key, signal, keys);
      } catch (error) {
        // Whatever is in that namespace goes with it.
        if (!isNamespaceTerminating(error)) throw error;
      }
    },
    onError(key, error) {
      // Somebody was faster, or the caches are late: the next try sees more.
      if (isApiError(error, "Conflict") || isApiError(error, "AlreadyExists")) return;
      log.error("reconciliation failed", { controller: name, key, error: String(error) });
    },
  });
  for (const key of early) queue.add(key);
  const running = { queue, subscriptions: subscriptions.move() };
  return {
    async [Symbol.asyncDispose]() {
      await running.subscriptions.disposeAsync();
      await running.queue[Symbol.asyncDispose]();
    },
  };
}

function isNamespaceTerminating(error: unknown): boolean {
  return (
    isApiError(error, "Forbidden") &&
    error.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") === true
  );
}
