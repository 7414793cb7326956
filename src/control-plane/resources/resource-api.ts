/**
 * The Kubernetes API as functions: what a request means once HTTP, authentication and the body's format are out of
 * the way. The HTTP server calls it for clients outside, controllers and the scheduler call it in process: both get
 * the same validation, admission, defaults and conflicts.
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { JsonValue } from "#base/json.ts";
import type { Fence } from "../store/store.ts";

/** Who asks. Groups include system:authenticated or system:unauthenticated. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface RequestContext {
  readonly user: UserInfo;
  /** Everything is done but the write itself. */
  readonly isDryRun: boolean;
  /** Who manages the fields that are written; "unknown" when the client does not say. */
  readonly fieldManager: string;
  /** What happens to unknown and duplicate fields. */
  readonly fieldValidation: "Strict" | "Warn" | "Ignore";
  /** Takes texts for `Warning:` headers. */
  warn(text: string): void;
  readonly fence?: Fence;
  readonly signal: AbortSignal;
}

/** A place in the API: a collection (no name), an object, or a subresource. */
export interface Target {
  readonly kind: Kind;
  /** undefined for kinds of the whole cluster, and for lists over all namespaces. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** "" for the object itself; "status", "scale", "binding", "eviction", "token", "finalize", … */
  readonly subresource: string;
}

/** As they stand in the query; every value is still unchecked text. */
export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks: boolean;
  /** undefined: not asked for. */
  readonly sendInitialEvents?: boolean;
  /** The caller ends the watch after that: a bookmark comes shortly before. */
  readonly timeoutMs?: number;
}

export interface ObjectList {
  readonly items: readonly KubeObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  /** The same frozen value for every watcher of the same event, except for bookmarks. */
  readonly object: KubeObject;
}

export interface WatchSink {
  /** False: full; the watch is over and nothing more comes. */
  onEvent(event: WatchEvent): boolean;
  /** The watch cannot go on: mostly 410. */
  onError(error: Error): void;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export type PatchBody =
  | { readonly type: "json" | "merge" | "strategic"; readonly patch: JsonValue }
  /** Server-side apply. */
  | { readonly type: "apply"; readonly patch: JsonValue; readonly force: boolean };

/** `isNew` decides between 200 and 201. */
export interface WriteOutcome {
  readonly object: KubeObject;
  readonly isNew: boolean;
}

export type DeleteOutcome =
  /** It is gone; the object as it was. */
  | { readonly type: "deleted"; readonly object: KubeObject }
  /** It waits for its grace period or its finalizers. */
  | { readonly type: "pending"; readonly object: KubeObject };

/** All methods reject with ApiError, and with nothing else that a client could have caused. */
export interface ResourceApi {
  get(target: Target, options: { readonly resourceVersion?: string }, context: RequestContext): Promise<KubeObject>;
  list(target: Target, options: ListOptions, context: RequestContext): Promise<ObjectList>;
  /** Ends when the signal of the context is aborted. Resolves once the watch stands. */
  watch(target: Target, options: WatchOptions, sink: WatchSink, context: RequestContext): Promise<void>;
  /** `body` is any JSON value from the client; also for subresources that are created (binding, eviction, token) and reviews. */
  create(target: Target, body: JsonValue, context: RequestContext): Promise<KubeObject>;
  update(target: Target, body: JsonValue, context: RequestContext): Promise<WriteOutcome>;
  patch(target: Target, patch: PatchBody, context: RequestContext): Promise<WriteOutcome>;
  delete(target: Target, options: DeleteOptions, context: RequestContext): Promise<DeleteOutcome>;
  deleteCollection(target: Target, options: DeleteOptions & ListOptions, context: RequestContext): Promise<ObjectList>;
}
