/** How many requests are worked on at once: beyond that, clients are asked to come again. Streams do not count. */
import { ApiError } from "#api/api-error.ts";

/** The API server's defaults. */
export const MAX_READING = 400;
export const MAX_WRITING = 200;

export interface InFlightLimit {
  readonly reading: number;
  readonly writing: number;
  /** Throws ApiError 429; dispose when the request is answered. */
  enter(mode: "reading" | "writing"): Disposable;
}

export function createInFlightLimit(limits = { reading: MAX_READING, writing: MAX_WRITING }): InFlightLimit {
  const counts = { reading: 0, writing: 0 };
  return {
    get reading() {
      return counts.reading;
    },
    get writing() {
      return counts.writing;
    },
    enter(mode) {
      if (counts[mode] >= limits[mode]) throw tooManyRequestsError();
      counts[mode]++;
      return { [Symbol.dispose]: () => void counts[mode]-- };
    },
  };
}

function tooManyRequestsError(): ApiError {
  return new ApiError({
    code: 429,
    reason: "TooManyRequests",
    message: "Too many requests, please try again later.",
    details: { retryAfterSeconds: 1 },
  });
}
