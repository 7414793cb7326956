/** Runs at most so many at a time, the others wait in order: pod starts are bound by the CPU, not by their number. */
export type Limit = <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export function createLimit(most: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (run, signal) => {
    if (running >= most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      // The place is handed over by who leaves; it counts already.
      await promise;
    } else running += 1;
    try {
      signal.throwIfAborted();
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
