/**
 * The one error of the Kubernetes API: a `Status` object with its HTTP code, both on the server, which throws it,
 * and on the client, which gets it. Source: Kubernetes API reference, meta/v1 Status; API conventions, "Response
 * Status Kind".
 */
import type { JsonObject } from "#base/json.ts";
import { describeFieldError, type FieldError } from "./field-error.ts";

export type StatusReason =
  | "BadRequest" // 400
  | "Unauthorized" // 401
  | "Forbidden" // 403
  | "NotFound" // 404
  | "MethodNotAllowed" // 405
  | "NotAcceptable" // 406
  | "AlreadyExists" // 409
  | "Conflict" // 409
  | "Gone" // 410
  | "Expired" // 410: the resourceVersion is compacted
  | "RequestEntityTooLarge" // 413
  | "UnsupportedMediaType" // 415
  | "Invalid" // 422
  | "TooManyRequests" // 429
  | "InternalError" // 500
  | "ServiceUnavailable" // 503
  | "Timeout"; // 504

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The resource ("pods"), for Invalid the kind ("Pod"). */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface ApiErrorFields {
  readonly code: number;
  readonly reason: StatusReason;
  readonly message: string;
  readonly details?: StatusDetails;
  /** With 410 for a list: from where the client may go on, with what is there now. */
  readonly continueToken?: string;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly code: number;
  readonly reason: StatusReason;
  readonly details: StatusDetails | undefined;
  readonly continueToken: string | undefined;

  constructor({ code, reason, message, details, continueToken, cause }: ApiErrorFields) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.continueToken = continueToken;
  }
}

export function isApiError(error: unknown, reason?: StatusReason): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}

/** The Status object that goes over the wire. */
export function statusOf(error: ApiError) {
  const { code, reason, message, details, continueToken } = error;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: continueToken === undefined ? {} : { continue: continueToken },
    status: "Failure",
    message,
    reason,
    ...(details !== undefined && { details }),
    code,
  } as const;
}

/** Names a resource in messages: "pods", "deployments.apps". */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

export function qualified({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

export function notFoundError(resource: ResourceName, name: string): ApiError {
  return new ApiError({
    code: 404,
    reason: "NotFound",
    message: `${qualified(resource)} ${JSON.stringify(name)} not found`,
    details: named(resource, name),
  });
}

export function alreadyExistsError(resource: ResourceName, name: string): ApiError {
  return new ApiError({
    code: 409,
    reason: "AlreadyExists",
    message: `${qualified(resource)} ${JSON.stringify(name)} already exists`,
    details: named(resource, name),
  });
}

export function conflictError(resource: ResourceName, name: string, why: string): ApiError {
  return new ApiError({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`,
    details: named(resource, name),
  });
}

/** What an update with an old resourceVersion gets. */
export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

export function forbiddenError(resource: ResourceName, name: string, why: string): ApiError {
  const quoted = name === "" ? "" : ` ${JSON.stringify(name)}`;
  return new ApiError({
    code: 403,
    reason: "Forbidden",
    message: `${qualified(resource)}${quoted} is forbidden: ${why}`,
    details: named(resource, name),
  });
}

export function invalidError(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const texts = errors.map(describeFieldError);
  const text = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const what = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiError({
    code: 422,
    reason: "Invalid",
    message: `${what} ${JSON.stringify(name)} is invalid: ${text}`,
    details: {
      ...(name !== "" && { name }),
      ...(kind.group !== "" && { group: kind.group }),
      kind: kind.kind,
      causes: errors.map(({ field, reason, message }) => ({ reason, message, field })),
    },
  });
}

export function badRequestError(message: string, cause?: unknown): ApiError {
  return new ApiError({ code: 400, reason: "BadRequest", message, cause });
}

/** The resourceVersion asked for is compacted: list again. */
export function expiredError(message: string): ApiError {
  return new ApiError({ code: 410, reason: "Expired", message });
}

export function serviceUnavailableError(message: string, cause?: unknown): ApiError {
  return new ApiError({ code: 503, reason: "ServiceUnavailable", message, cause });
}

export function internalError(message: string, cause?: unknown): ApiError {
  return new ApiError({ code: 500, reason: "InternalError", message: `Internal error occurred: ${message}`, cause });
}

/** Reads a Status that a server sent; undefined when it is none. */
export function apiErrorFromStatus(status: JsonObject): ApiError | undefined {
  if (status["kind"] !== "Status" || status["status"] !== "Failure" || typeof status["code"] !== "number") {
    return undefined;
  }
  const { code, message, reason, details } = status;
  return new ApiError({
    code,
    // Servers may send reasons that are not in our list; comparing them still works.
    reason: String(reason ?? "InternalError") as StatusReason,
    message: String(message ?? ""),
    // Only read for display and for its causes.
    ...(typeof details === "object" && { details: details as StatusDetails }),
  });
}

function named(resource: ResourceName, name: string): StatusDetails {
  return {
    ...(name !== "" && { name }),
    ...(resource.group !== "" && { group: resource.group }),
    kind: resource.plural,
  };
}
