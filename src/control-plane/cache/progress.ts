/** How far something has come, and who waits for it to come further. */
import type { Revision } from "../store/store.ts";

export interface Progress {
  readonly revision: Revision;
  advance(revision: Revision): void;
  /** It will not come any further: nobody waits any more. */
  stop(): void;
  /** Gives false when it does not get there in time. Rejects when the signal aborts. */
  reach(revision: Revision, timeoutMs: number, signal: AbortSignal): Promise<boolean>;
}

interface Waiter {
  readonly revision: Revision;
  readonly settle: (isReached: boolean) => void;
}

export function createProgress(start: Revision): Progress {
  const waiters = new Set<Waiter>();
  let revision = start;
  let isStopped = false;
  return {
    get revision() {
      return revision;
    },
    advance(next) {
      revision = next;
      for (const waiter of waiters) if (waiter.revision <= next) waiter.settle(true);
    },
    stop() {
      isStopped = true;
      for (const waiter of waiters) waiter.settle(false);
    },
    reach(wanted, timeoutMs, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (wanted <= revision || isStopped) return Promise.resolve(wanted <= revision);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => waiter.settle(false), timeoutMs);
        const onAbort = (): void => {
          stopWaiting();
          reject(signal.reason);
        };
        const stopWaiting = (): void => {
          waiters.delete(waiter);
          clearTimeout(timer);
          signal.removeEventListener("abort", onAbort);
        };
        const waiter: Waiter = {
          revision: wanted,
          settle(isReached) {
            stopWaiting();
            resolve(isReached);
          },
        };
        waiters.add(waiter);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
