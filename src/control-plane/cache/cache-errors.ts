/**
 * What clients get when the cache cannot answer as of a revision; the texts are the API server's, clients and people
 * know them. Source: Kubernetes documentation, "Kubernetes API Concepts" (resource versions, retrieving large results).
 */
import { ApiError, badRequestError, expiredError } from "#api/api-error.ts";
import type { Revision } from "../store/store.ts";

/** For a watch. `oldest`: events behind it are known. */
export function tooOldError(asked: Revision, oldest: Revision): ApiError {
  return expiredError(`too old resource version: ${asked} (${oldest})`);
}

export function listTooOldError(): ApiError {
  return expiredError("The resourceVersion for the provided list is too old.");
}

/** `continueToken` goes on behind the same object, in the state of now. */
export function continueTooOldError(continueToken: string): ApiError {
  return new ApiError({
    code: 410,
    reason: "Expired",
    message:
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
      "deleted between the time the first chunk was returned and now may show up in the list.",
    continueToken,
  });
}

export function tooLargeError(asked: Revision, current: Revision): ApiError {
  return new ApiError({
    code: 504,
    reason: "Timeout",
    message: `Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

export function invalidContinueError(why: string): ApiError {
  return badRequestError(`invalid continue token: ${why}`);
}
