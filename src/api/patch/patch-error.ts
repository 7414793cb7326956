/** The errors of patches in the API server's words. */
import { ApiError, badRequestError } from "../api-error.ts";

/** The patch itself is wrong, whatever it is applied to. */
export function badPatchError(message: string): ApiError {
  return badRequestError(message);
}

/** A patch that cannot be applied to this object; clients see one text for all of them, the reason goes to the log. */
export function rejectedPatchError(why: string): ApiError {
  return new ApiError({
    code: 422,
    reason: "Invalid",
    message: "the server rejected our request due to an error in our request",
    details: {},
    cause: new Error(why),
  });
}

export function tooLargePatchError(message: string): ApiError {
  return new ApiError({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: ${message}`,
  });
}
