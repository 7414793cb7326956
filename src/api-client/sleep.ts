/** Resolves after that time, or as soon as the signal is aborted. Does not keep the process alive. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) return Promise.resolve();
  const timer = setTimeout(resolve, ms).unref();
  const abort = (): void => {
    clearTimeout(timer);
    resolve();
  };
  signal.addEventListener("abort", abort, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", abort));
}
