/**
 * etcd's errors as StoreErrors that say what to do. Source: etcd 3.4, etcdserver/api/v3rpc/rpctypes/error.go; only
 * the texts tell some of them apart.
 */
import { status } from "@grpc/grpc-js";
import type { Revision } from "../store.ts";
import { StoreError } from "../store.ts";
import { compactedError, futureError } from "../store-errors.ts";

interface Failure {
  readonly code: number;
  readonly details: string;
}

function isFailure(error: unknown): error is Failure {
  return error instanceof Error && "code" in error && "details" in error && typeof error.details === "string";
}

/** `asked`: the revision of the request, for what etcd says about it. */
export function etcdStoreError(action: string, cause: unknown, asked: Revision): StoreError {
  if (cause instanceof StoreError) return cause;
  if (isFailure(cause)) {
    if (cause.details.includes("required revision has been compacted")) return compactedError(asked, undefined, cause);
    if (cause.details.includes("required revision is a future revision")) return futureError(asked, cause);
  }
  return new StoreError({ code: "unavailable", message: `Cannot ${action}: ${explain(cause)}`, cause });
}

function explain(cause: unknown): string {
  if (!isFailure(cause)) return cause instanceof Error ? cause.message : String(cause);
  const { code, details } = cause;
  if (details.includes("database space exceeded")) {
    return `etcd is full: compact and defragment it, then disarm its alarm (${details})`;
  }
  if (details.includes("request is too large")) {
    return `the object is too large for etcd: raise its --max-request-bytes (${details})`;
  }
  if (code === status.DEADLINE_EXCEEDED) return `etcd did not answer in time (${details})`;
  if (code === status.UNAVAILABLE) return `etcd cannot be reached or has no leader (${details})`;
  return `etcd says: ${details}`;
}

/** The same endpoint or another may give an answer soon. */
export function isTransient(error: unknown): boolean {
  return isFailure(error) && error.code === status.UNAVAILABLE;
}

/** The endpoint is to blame: the next call goes to another. */
export function isEndpointFailure(error: unknown): boolean {
  return isFailure(error) && (error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED);
}
