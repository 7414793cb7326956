import { ApiError } from "#api/api-error.ts";

/**
 * Runs with a signal that is aborted with the caller's, and after that time with a 504. Nothing of it stays behind:
 * AbortSignal.timeout would keep its timer, and what hangs on it, for the whole time after each short request.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal.reason);
  const timer = setTimeout(() => stop.abort(deadlineError(ms)), ms);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await run(stop.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function deadlineError(ms: number): ApiError {
  return new ApiError({ code: 504, reason: "Timeout", message: `The API server did not answer within ${ms} ms` });
}
