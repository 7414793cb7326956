/** What a failing store means to the client that caused the call. */
import {
  ApiError,
  conflictError,
  expiredError,
  internalError,
  MODIFIED,
  serviceUnavailableError,
} from "#api/api-error.ts";
import { StoreError } from "../store/store.ts";
import type { Target } from "./resource-api.ts";

/** Seconds after which a client tries again when the store cannot be reached. */
const RETRY_AFTER_SECONDS = 1;

const FENCED = "the writer is not the leader any more";

/** The ApiError for whatever a cache or a store rejected with; other errors stay what they are. */
export function apiErrorOf(error: unknown, target: Pick<Target, "kind" | "name">): unknown {
  if (!(error instanceof StoreError)) return error;
  const { kind, name = "" } = target;
  switch (error.code) {
    case "conflict":
      return conflictError(kind, name, MODIFIED);
    case "changed":
      return conflictError(kind, name, MODIFIED);
    case "fenced":
      return conflictError(kind, name, FENCED);
    case "compacted":
      return expiredError("The provided resource version is too old: list again");
    case "future":
      return new ApiError({ code: 504, reason: "Timeout", message: error.message, cause: error });
    case "unavailable":
    case "closed": {
      const { code, reason, message } = serviceUnavailableError(`the store is not available: ${error.message}`);
      return new ApiError({ code, reason, message, details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause: error });
    }
    default:
      return unknownCode(error.code, error);
  }
}

function unknownCode(code: never, cause: StoreError): ApiError {
  return internalError(`the store failed: ${String(code)}`, cause);
}
