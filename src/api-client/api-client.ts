/**
 * How our own programs talk to a Kubernetes API: typed by kind, over HTTP to any API server, or in process.
 * Errors are ApiError; what cannot be reached is 503 ServiceUnavailable with its cause.
 */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import type { JsonValue } from "#base/json.ts";

export interface ObjectName {
  /** undefined for kinds of the whole cluster. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ListQuery {
  /** undefined: all. */
  readonly namespace?: string | undefined;
  /** "app=web,tier!=db" */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface TypedList<O> {
  readonly items: readonly O[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}

export type TypedWatchEvent<O> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: O }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string; readonly endsInitialEvents: boolean };

export interface WatchQuery extends ListQuery {
  /** Asks the server to end the watch after that time. */
  readonly timeoutMs?: number;
  /** All objects first, as they are now, each as ADDED; then a bookmark with `endsInitialEvents`. */
  readonly sendInitialEvents?: boolean;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

/** What a caller gives to create: the server fills the rest in. */
export type Draft<O> = { [K in keyof O as K extends "apiVersion" | "kind" ? never : K]: O[K] } & {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
};

export interface ApiClient {
  /** Whether a watch may send all objects first (`sendInitialEvents`), so that no list is needed; absent: it may not. */
  readonly supportsWatchList?: boolean;
  get<O extends KubeObject>(kind: Kind<O>, name: ObjectName, signal: AbortSignal): Promise<O>;
  list<O extends KubeObject>(kind: Kind<O>, query: ListQuery, signal: AbortSignal): Promise<TypedList<O>>;
  /** Ends normally when the server ends it; rejects with ApiError (410 Expired: list again). */
  watch<O extends KubeObject>(kind: Kind<O>, query: WatchQuery, signal: AbortSignal): AsyncIterable<TypedWatchEvent<O>>;
  create<O extends KubeObject>(kind: Kind<O>, object: Draft<O>, signal: AbortSignal): Promise<O>;
  /** With the object's resourceVersion: rejects with Conflict when somebody else was faster. */
  update<O extends KubeObject>(kind: Kind<O>, object: O, signal: AbortSignal): Promise<O>;
  updateStatus<O extends KubeObject>(kind: Kind<O>, object: O, signal: AbortSignal): Promise<O>;
  /** PUT of the object to one of its subresources: namespaces/finalize. */
  updateSubresource<O extends KubeObject>(
    kind: Kind<O>,
    object: O,
    subresource: string,
    signal: AbortSignal,
  ): Promise<O>;
  patch<O extends KubeObject>(
    kind: Kind<O>,
    name: ObjectName,
    patch: {
      readonly type: PatchType;
      readonly body: JsonValue;
      readonly subresource?: string;
      readonly fieldManager?: string;
      readonly force?: boolean;
    },
    signal: AbortSignal,
  ): Promise<O>;
  delete<O extends KubeObject>(
    kind: Kind<O>,
    name: ObjectName,
    options: {
      readonly gracePeriodSeconds?: number;
      readonly propagationPolicy?: "Orphan" | "Background" | "Foreground";
      readonly uid?: string;
      readonly resourceVersion?: string;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** POST to a subresource: pods/binding, pods/eviction, serviceaccounts/token. */
  createSubresource<O extends KubeObject>(
    kind: Kind<O>,
    name: ObjectName,
    subresource: string,
    body: JsonValue,
    signal: AbortSignal,
  ): Promise<KubeObject>;
}
