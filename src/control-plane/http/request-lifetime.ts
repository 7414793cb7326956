/** How long a request may live: until its client leaves, its time is over, or it is answered. */
import { ApiError } from "#api/api-error.ts";
import type { ApiResponse } from "./api-message.ts";
import { parseDuration } from "./query-options.ts";

/** For requests that are answered at once; watches and streams have no such end. */
export const REQUEST_DEADLINE_MS = 60_000;

export interface Lifetime extends Disposable {
  readonly signal: AbortSignal;
  /** The client has gone: nobody reads an answer. */
  isAbandoned(): boolean;
}

/** `deadlineMs` undefined: until the client leaves. The signal's reason is an ApiError. */
export function createLifetime(response: ApiResponse, deadlineMs: number | undefined): Lifetime {
  const controller = new AbortController();
  let isAbandoned = false;
  const onClose = (): void => {
    isAbandoned = !response.writableFinished;
    controller.abort(timeoutError("the client closed the connection"));
  };
  response.on("close", onClose);
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(
          () => controller.abort(timeoutError("request did not complete within the allotted timeout")),
          deadlineMs,
        );
  return {
    signal: controller.signal,
    isAbandoned: () => isAbandoned,
    [Symbol.dispose]() {
      clearTimeout(timer);
      response.off("close", onClose);
    },
  };
}

/** The client's own limit, where it is shorter than ours. */
export function deadlineOf(query: URLSearchParams): number {
  const wanted = parseDuration(query.get("timeout") ?? "");
  return wanted === undefined || wanted <= 0 ? REQUEST_DEADLINE_MS : Math.min(wanted, REQUEST_DEADLINE_MS);
}

function timeoutError(message: string): ApiError {
  return new ApiError({ code: 504, reason: "Timeout", message: `Timeout: ${message}`, details: {} });
}
