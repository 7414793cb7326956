/** One answer for many who ask at the same time. */

/**
 * Everybody gets an answer to a question that was asked after they did: while one is under way, the next waits for
 * all who come meanwhile.
 */
export function createSharedQuestion<T>(ask: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined;
  let next: Promise<T> | undefined;

  function start(): Promise<T> {
    const started = ask().finally(() => {
      if (current === started) current = undefined;
    });
    current = started;
    return started;
  }

  return () => {
    if (current === undefined) return start();
    // When the one under way fails, so does the next: nobody waits for two deadlines.
    next ??= current
      .finally(() => {
        next = undefined;
      })
      .then(start);
    return next;
  };
}

/** Rejects as soon as the signal aborts; the promise itself goes on. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
