/** One at a time, in the order in which they came. */
import { abortable } from "../cache/shared-question.ts";

export interface Lock {
  /** Dispose of what it gives to let the next one in. Rejects when the signal is aborted while this waits. */
  acquire(signal: AbortSignal): Promise<Disposable>;
}

export function createLock(): Lock {
  let last: Promise<void> = Promise.resolve();
  return {
    async acquire(signal) {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      try {
        await abortable(before, signal);
      } catch (error) {
        // Whoever gave up still has somebody before, and somebody behind.
        void before.then(resolve);
        throw error;
      }
      return { [Symbol.dispose]: () => resolve() };
    },
  };
}
