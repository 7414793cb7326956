/**
 * One kind's objects in memory, fed by one watch of the store, and the place where all watchers of the kind hang.
 * Objects are frozen and shared: two watchers that get the same object get the same JavaScript value, so whoever
 * encodes it can keep the bytes by identity (WeakMap) and encode once.
 */
import type { KubeObject } from "#api/kind.ts";
import type { Fence, Revision } from "../store/store.ts";

export interface Selector {
  (object: KubeObject): boolean;
  /**
   * Fields that must have exactly these values, by their paths ("metadata.name", "spec.nodeName"): a shortcut to the
   * watchers that an event can be for, and to the one object that a list can have.
   */
  readonly pins?: Readonly<Record<string, string>>;
}

export type CacheEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject; readonly revision: Revision }
  /** Nothing happened that the watcher wants to know, up to this revision. */
  | { readonly type: "BOOKMARK"; readonly revision: Revision; readonly endsInitialEvents: boolean };

export interface ListResult {
  /** In the order of namespace, then name. Each carries its metadata.resourceVersion. */
  readonly objects: readonly KubeObject[];
  readonly revision: Revision;
  /** Opaque, for the next page; undefined on the last. */
  readonly continueToken: string | undefined;
  /** undefined with a selector: nobody counts then. */
  readonly remaining: number | undefined;
}

export interface CacheListRequest {
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly selector: Selector;
  /** True when the selector selects everything, so that `remaining` is known. */
  readonly selectsAll: boolean;
  readonly limit?: number;
  readonly continueToken?: string;
  /**
   * How fresh: "latest" (default; as if read from the store), "any", at least or exactly a revision.
   * Rejects with ApiError 504 for a revision that is not written within 3 s, 410 for one that is forgotten.
   */
  readonly freshness: "latest" | "any" | { readonly atLeast: Revision } | { readonly exactly: Revision };
}

export interface CacheWatchRequest {
  readonly namespace: string | undefined;
  readonly selector: Selector;
  /** Events after this revision; undefined: first ADDED for everything that is there. */
  readonly after: Revision | undefined;
  /** With `after` undefined: a bookmark with endsInitialEvents follows the initial ADDEDs. */
  readonly marksInitialEvents: boolean;
  /** A bookmark about once a minute, and before the cache is closed. */
  readonly wantsBookmarks: boolean;
  /** One bookmark more after that time, for a client whose own time is over soon then. */
  readonly bookmarkAfterMs?: number;
}

export interface CacheWatcher {
  /**
   * An object that begins to match the selector comes as ADDED, one that ceases to as DELETED.
   * False: the watcher cannot take more and is dropped without another call.
   */
  onEvent(event: CacheEvent): boolean;
  /** The cache lost its place (410), or the store is gone. */
  onEnd(error: Error): void;
}

export interface WatchCache extends AsyncDisposable {
  /** Fresh from the store's point of view; undefined when there is none. `name` with its namespace where it has one. */
  get(
    namespace: string | undefined,
    name: string,
    freshness: "latest" | "any",
    signal: AbortSignal,
  ): Promise<KubeObject | undefined>;
  list(request: CacheListRequest, signal: AbortSignal): Promise<ListResult>;
  /** Subscribes and replays in one step: nothing is lost in between. Rejects with ApiError 410 when `after` is forgotten. */
  watch(request: CacheWatchRequest, watcher: CacheWatcher, signal: AbortSignal): Promise<Disposable>;
  /**
   * Writes through to the store and gives the object as stored, with its new resourceVersion; this cache knows it by
   * then. `next` undefined deletes. `expected` 0 creates. Rejects with StoreError.
   */
  write(request: CacheWriteRequest, signal: AbortSignal): Promise<KubeObject>;
}

export interface CacheWriteRequest {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly next: KubeObject | undefined;
  readonly expected: Revision;
  readonly ttlSeconds?: number;
  readonly fence?: Fence;
  /** Rejects with `changed` when an object of the kind was written after this revision. */
  readonly unchangedSince?: Revision;
}
