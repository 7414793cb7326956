/** A CRI call that failed: the status that gRPC gives, with the call's name. */
import type { status } from "@grpc/grpc-js";

/** NOT_FOUND, UNAVAILABLE, CANCELLED (the caller's signal), DEADLINE_EXCEEDED, UNKNOWN (most of containerd's), … */
export type CriErrorCode = keyof typeof status;

export class CriError extends Error {
  override readonly name = "CriError";
  readonly method: string;
  readonly code: CriErrorCode;
  /** The runtime's own words, without ours around them. */
  readonly details: string;

  constructor(method: string, code: CriErrorCode, details: string, options?: ErrorOptions) {
    super(`CRI call "${method}" failed with ${code}: ${details}`, options);
    this.method = method;
    this.code = code;
    this.details = details;
  }
}

/** The sandbox or container is not there: for a removal that is success. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === "NOT_FOUND";
}
