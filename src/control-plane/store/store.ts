/**
 * What the API server keeps objects in: keys with JSON text, one revision for all of them, and a watch that resumes.
 * The shape is etcd's (put, range, watch, compact), because etcd is one of the two stores; SQLite is the other.
 * Keys: /registry/<group or "core">/<plural>/[<namespace>/]<name>.
 */

/** One counter for the whole store; each write has its own. Starts at 1, never goes back, also over restarts. */
export type Revision = number;

export interface StoredEntry {
  readonly key: string;
  /** JSON, without metadata.resourceVersion: that is `revision`. */
  readonly value: string;
  /** Of the last write to the key. */
  readonly revision: Revision;
}

export interface Page {
  /** In the order of their keys. */
  readonly entries: readonly StoredEntry[];
  /** The store's revision when the page was read; all entries are as they were then. */
  readonly revision: Revision;
  /** Entries behind the page; 0 on the last one. */
  readonly remaining: number;
}

export interface ListRequest {
  readonly prefix: string;
  /** Only keys behind this one. */
  readonly after?: string;
  /** Absent: all. */
  readonly limit?: number;
  /** Absent: as of now. Rejects with `compacted` when the store does not know any more. */
  readonly revision?: Revision;
}

export interface WriteRequest {
  readonly key: string;
  /** undefined deletes the key. */
  readonly value: string | undefined;
  /** The revision that the key must have; 0: it must not be there. */
  readonly expected: Revision;
  /** Seconds until the store deletes the key by itself; events use it. */
  readonly ttlSeconds?: number;
  /**
   * The write counts only while this key still has this revision: who was a leader and is none any more cannot write.
   */
  readonly fence?: Fence;
  /** The write counts only while what its writer has decided by is all that there is. */
  readonly unchanged?: UnchangedKeys;
}

/** No key with the prefix was written after the revision; keys that were deleted do not matter. */
export interface UnchangedKeys {
  readonly prefix: string;
  readonly since: Revision;
}

export interface Fence {
  readonly key: string;
  readonly revision: Revision;
}

export type StoreEvent =
  | {
      readonly type: "put";
      readonly key: string;
      readonly value: string;
      readonly revision: Revision;
      /** True when the key was not there before. */
      readonly isNew: boolean;
      /** The value before, if the store still has it. */
      readonly previous: string | undefined;
      /** Of `previous`; 0 when that is not known. */
      readonly previousRevision: Revision;
    }
  | {
      readonly type: "delete";
      readonly key: string;
      readonly revision: Revision;
      readonly previous: string | undefined;
      readonly previousRevision: Revision;
    };

export interface WatchListener {
  /**
   * In the order of revisions, without gaps or repeats. `revision`: everything up to it has been told; without
   * events it tells that only, after writes to other keys.
   */
  onEvents(events: readonly StoreEvent[], revision: Revision): void;
  /** The watch has ended: compacted, unavailable or closed. It is not called after `dispose`. */
  onEnd(error: StoreError): void;
}

export interface Store extends AsyncDisposable {
  /**
   * True when nobody else can write, and listeners are told of a write before it is acknowledged: who has caught up
   * once is never behind again, and needs no `currentRevision` to know.
   */
  readonly isSoleWriter: boolean;
  /** undefined when the key is not there. */
  get(key: string, signal: AbortSignal): Promise<StoredEntry | undefined>;
  list(request: ListRequest, signal: AbortSignal): Promise<Page>;
  /**
   * Gives the revision of the write. What it acknowledges outlives SIGKILL of this process.
   * Rejects with `conflict` (the entry that is there in `current`), `fenced`, `changed`, or `unavailable`: then the
   * write may have happened, or may even happen yet, after reads that do not show it.
   */
  write(request: WriteRequest, signal: AbortSignal): Promise<Revision>;
  /** Tells of every write to keys with this prefix whose revision is greater than `after`. */
  watch(prefix: string, after: Revision, listener: WatchListener): Disposable;
  /** The newest revision, as the store itself knows it (etcd: a linearizable read). */
  currentRevision(signal: AbortSignal): Promise<Revision>;
  /** Forgets what was overwritten or deleted at or before the revision: older watches and lists get `compacted`. */
  compact(revision: Revision, signal: AbortSignal): Promise<void>;
}

export type StoreErrorCode =
  | "conflict" // the key has another revision than expected
  | "fenced" // the fence's key has another revision
  | "changed" // a key was written that was to be unchanged
  | "compacted" // the revision is too old
  | "future" // the revision has not been written yet
  | "unavailable" // the store cannot be reached or did not answer in time
  | "closed"; // this store object was disposed of

export interface StoreErrorFields {
  readonly code: StoreErrorCode;
  readonly message: string;
  /** conflict: what is there now; undefined when nothing is. */
  readonly current?: StoredEntry | undefined;
  /** compacted: the oldest revision that can still be read. */
  readonly compactedRevision?: Revision;
  readonly cause?: unknown;
}

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  readonly current: StoredEntry | undefined;
  readonly compactedRevision: Revision | undefined;

  constructor({ code, message, current, compactedRevision, cause }: StoreErrorFields) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.current = current;
    this.compactedRevision = compactedRevision;
  }
}

export function isStoreError(error: unknown, code: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && error.code === code;
}
