/** Runs at most so many at a time, the others wait in order: pod starts are bound by the CPU, not by their number. */
export type Limit = <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export function createLimit(most: number): Limit {
  let running = 0;
  const waiting = new Set<() => void>();

  /** Rejects as soon as the signal is aborted: who gives up does not wait for the others. */
  function place(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => {
      waiting.delete(enter);
      reject(signal.reason);
    };
    const enter = (): void => {
      signal.removeEventListener("abort", abort);
      resolve();
    };
    waiting.add(enter);
    signal.addEventListener("abort", abort, { once: true });
    return promise;
  }

  return async (run, signal) => {
    signal.throwIfAborted();
    // Handed over by who leaves, it counts already.
    if (running >= most) await place(signal);
    else running += 1;
    try {
      return await run();
    } finally {
      const [next] = waiting;
      if (next === undefined) running -= 1;
      else {
        waiting.delete(next);
        next();
      }
    }
  };
}
