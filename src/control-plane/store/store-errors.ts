/** The StoreErrors that both stores give in the same words. */
import { type Revision, type StoredEntry, StoreError, type UnchangedKeys } from "./store.ts";

export function conflictError(key: string, expected: Revision, current: StoredEntry | undefined): StoreError {
  const is = current === undefined ? "it is not there" : `it has revision ${current.revision}`;
  const message = `Cannot write "${key}" at revision ${expected}: ${is}`;
  return new StoreError({ code: "conflict", message, current });
}

export function fencedError(key: string): StoreError {
  return new StoreError({ code: "fenced", message: `Cannot write: "${key}" has another revision than the fence` });
}

export function changedError({ prefix, since }: UnchangedKeys): StoreError {
  return new StoreError({ code: "changed", message: `Cannot write: a key of "${prefix}" was written after ${since}` });
}

export function futureError(asked: Revision, cause?: unknown): StoreError {
  return new StoreError({ code: "future", message: `Cannot use revision ${asked}: it is not written yet`, cause });
}

/** `compactedRevision` undefined: the store does not say. */
export function compactedError(asked: Revision, compactedRevision?: Revision, cause?: unknown): StoreError {
  const message = `Cannot read as of revision ${asked}: it is compacted`;
  return new StoreError({
    code: "compacted",
    message,
    ...(compactedRevision !== undefined && { compactedRevision }),
    cause,
  });
}

export function closedError(what: string): StoreError {
  return new StoreError({ code: "closed", message: `Cannot use the store ${what}: it is closed` });
}
