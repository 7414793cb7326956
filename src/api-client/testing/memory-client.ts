/**
 * An API server of one Map, for tests of what talks to one: resource versions, conflicts, watches that resume or are
 * too old, selectors, finalizers, patches. Nothing is defaulted, validated or authorized.
 */
import { alreadyExistsError, conflictError, expiredError, MODIFIED, notFoundError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KindNames, type KubeObject } from "#api/kind.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ApiClient, Draft, ListQuery, ObjectName, TypedWatchEvent, WatchQuery } from "../api-client.ts";
import { keyFrom, keyOf } from "../object-cache.ts";
import { applyPatch } from "./apply-patch.ts";
import { createEventLog, selectorOf } from "./event-log.ts";

export interface MemoryRequest {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";
  readonly kind: KindNames;
  /** undefined for collections. */
  readonly name: string | undefined;
  readonly subresource: string;
}

export interface MemoryClient extends ApiClient {
  /** All objects of a kind, now. */
  all<O extends KubeObject>(kind: Kind<O>): readonly O[];
  /** Creates or replaces at once, status and all, whatever the resourceVersion: what others do, or a test's start. */
  put<O extends KubeObject>(kind: Kind<O>, object: Draft<O>): O;
  /** Removes at once, whatever the finalizers. */
  remove(kind: KindNames, name: ObjectName): void;
  /** What was asked for, in order, as "create pods default/web-0" or "update pods/status default/web-0". */
  readonly requests: string[];
  /** Called before each request is served: what it gives is thrown. */
  fail: ((request: MemoryRequest) => Error | undefined) | undefined;
  /** Ends all watches: normally, or with this error. */
  endWatches(error?: Error): void;
  /** Forgets the past: watches and pages of lists from before are too old. */
  compact(): void;
}

export interface MemoryClientOptions {
  readonly now?: () => Date;
}

export function createMemoryClient({ now = () => new Date() }: MemoryClientOptions = {}): MemoryClient {
  const kinds = new Map<string, Map<string, KubeObject>>();
  const log = createEventLog();
  /** What is left of lists that are read in pages. */
  const pages = new Map<string, readonly KubeObject[]>();
  const requests: string[] = [];
  let made = 0;

  function objectsOf(kind: KindNames): Map<string, KubeObject> {
    const key = `${kind.group}/${kind.plural}`;
    const objects = kinds.get(key) ?? new Map<string, KubeObject>();
    kinds.set(key, objects);
    return objects;
  }

  /** As the server does: in the order of events, and not before the caller has gone on. */
  async function begin(request: MemoryRequest, signal: AbortSignal, namespace?: string): Promise<void> {
    const { verb, kind, name, subresource } = request;
    const below = subresource === "" ? "" : `/${subresource}`;
    const what = name === undefined ? namespace : keyFrom(namespace, name);
    requests.push([verb, `${kind.plural}${below}`, ...(what === undefined ? [] : [what])].join(" "));
    signal.throwIfAborted();
    await Promise.resolve();
    signal.throwIfAborted();
    const failure = client.fail?.(request);
    if (failure !== undefined) throw failure;
  }

  function find(kind: KindNames, { namespace, name }: ObjectName): KubeObject {
    const object = objectsOf(kind).get(keyFrom(namespace, name));
    if (object === undefined) throw notFoundError(kind, name);
    return object;
  }

  function store(kind: KindNames, object: KubeObject): KubeObject {
    const objects = objectsOf(kind);
    const key = keyOf(object);
    const previous = objects.get(key);
    const resourceVersion = String(log.nextRevision());
    const stored = deepFreeze(withMetadata(copy(object), { resourceVersion }));
    objects.set(key, stored);
    log.add({ type: previous === undefined ? "ADDED" : "MODIFIED", kind, object: stored, previous });
    return stored;
  }

  function drop(kind: KindNames, object: KubeObject): void {
    objectsOf(kind).delete(keyOf(object));
    const last = deepFreeze(withMetadata(object, { resourceVersion: String(log.nextRevision()) }));
    log.add({ type: "DELETED", kind, object: last, previous: object });
  }

  function complete<O extends KubeObject>(kind: Kind<O>, draft: Draft<O>): KubeObject {
    const { name, generateName, ...rest } = draft.metadata;
    made++;
    const metadata: ObjectMeta = {
      uid: `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`,
      creationTimestamp: secondsOf(now()),
      generation: 1,
      ...(generateName !== undefined && { generateName }),
      ...rest,
      name: name ?? `${generateName}${String(made).padStart(5, "0")}`,
    };
    return { ...draft, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  }

  /** Writes what a client wants of an object that is there; `isStatus` and all else are written apart. */
  function change(kind: Kind, current: KubeObject, wanted: KubeObject, isStatus: boolean): KubeObject {
    const { resourceVersion, name = "" } = wanted.metadata;
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
      throw conflictError(kind, name, MODIFIED);
    }
    const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = current.metadata;
    const next: KubeObject = isStatus
      ? { ...current, status: wanted["status"] }
      : kind.hasStatus
        ? { ...wanted, status: current["status"] }
        : wanted;
    const isNewSpec = !jsonEqual(asJson(current["spec"]), asJson(next["spec"]));
    const metadata = {
      ...(uid !== undefined && { uid }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      generation: generation + (isNewSpec ? 1 : 0),
      ...(current.metadata.resourceVersion !== undefined && { resourceVersion: current.metadata.resourceVersion }),
    };
    const stamped = withMetadata(next, metadata);
    if (jsonEqual(asJson(stamped), asJson(current))) return current;
    if (deletionTimestamp === undefined || finalizersOf(stamped).length > 0) return store(kind, stamped);
    drop(kind, stamped);
    return stamped;
  }

  function erase(kind: KindNames, name: ObjectName, options: Parameters<ApiClient["delete"]>[2]): void {
    const { propagationPolicy, uid, resourceVersion } = options;
    const current = find(kind, name);
    const { metadata } = current;
    if (uid !== undefined && uid !== metadata.uid) throw conflictError(kind, name.name, "the UID is another one");
    if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
      throw conflictError(kind, name.name, MODIFIED);
    }
    const more =
      propagationPolicy === "Foreground" ? ["foregroundDeletion"] : propagationPolicy === "Orphan" ? ["orphan"] : [];
    const finalizers = [...new Set([...(metadata.finalizers ?? []), ...more])];
    const marked = withMetadata(current, { finalizers, deletionTimestamp: secondsOf(now()) });
    if (finalizersOf(marked).length === 0) drop(kind, current);
    else if (metadata.deletionTimestamp === undefined) {
      store(kind, kind.kind === "Namespace" ? { ...marked, status: { phase: "Terminating" } } : marked);
    }
  }

  const client: MemoryClient = {
    requests,
    fail: undefined,
    all: <O extends KubeObject>(kind: Kind<O>) => [...objectsOf(kind).values()].map((object) => typed(kind, object)),
    put(kind, draft) {
      const before = objectsOf(kind).get(keyFrom(draft.metadata.namespace, draft.metadata.name ?? ""));
      const { uid, creationTimestamp } = before?.metadata ?? {};
      const kept = { ...(uid !== undefined && { uid }), ...(creationTimestamp !== undefined && { creationTimestamp }) };
      return typed(kind, store(kind, complete(kind, { ...draft, metadata: { ...kept, ...draft.metadata } })));
    },
    remove: (kind, name) => drop(kind, find(kind, name)),
    endWatches: log.endAll,
    compact() {
      log.compact();
      pages.clear();
    },
    async get(kind, name, signal) {
      await begin({ verb: "get", kind, name: name.name, subresource: "" }, signal, name.namespace);
      return typed(kind, find(kind, name));
    },
    async list<O extends KubeObject>(kind: Kind<O>, query: ListQuery, signal: AbortSignal) {
      await begin({ verb: "list", kind, name: undefined, subresource: "" }, signal, query.namespace);
      const [revision = String(log.revision())] = query.continue?.split("/") ?? [];
      const matches = selectorOf(kind, query);
      const found = query.continue === undefined ? sorted(objectsOf(kind)).filter(matches) : pages.get(query.continue);
      if (found === undefined) throw expiredError("The provided continue parameter is too old");
      const items = found.slice(0, query.limit ?? found.length).map((object) => typed(kind, object));
      if (items.length === found.length) return { items, resourceVersion: revision, continue: undefined };
      made++;
      const next = `${revision}/${made}`;
      pages.set(next, found.slice(items.length));
      return { items, resourceVersion: revision, continue: next };
    },
    async *watch<O extends KubeObject>(kind: Kind<O>, query: WatchQuery, signal: AbortSignal) {
      await begin({ verb: "watch", kind, name: undefined, subresource: "" }, signal, query.namespace);
      const matches = selectorOf(kind, query);
      const { resourceVersion = "0", sendInitialEvents = false } = query;
      const isFromStart = resourceVersion === "0" || resourceVersion === "" || sendInitialEvents;
      const after = isFromStart ? log.revision() : Number(resourceVersion);
      const initial = isFromStart ? sorted(objectsOf(kind)).filter(matches) : [];
      const events = log.follow({ kind, after, matches, signal });
      for (const object of initial) yield { type: "ADDED", object: typed(kind, object) } as const;
      if (sendInitialEvents)
        yield { type: "BOOKMARK", resourceVersion: String(after), endsInitialEvents: true } as const;
      for await (const { type, object } of events) {
        const event: TypedWatchEvent<O> = { type, object: typed(kind, object) };
        yield event;
      }
    },
    async create(kind, draft, signal) {
      const { namespace } = draft.metadata;
      const object = complete(kind, draft);
      const { name = "" } = object.metadata;
      await begin({ verb: "create", kind, name, subresource: "" }, signal, namespace);
      if (objectsOf(kind).has(keyFrom(namespace, name))) throw alreadyExistsError(kind, name);
      return typed(kind, store(kind, object));
    },
    async update(kind, object, signal) {
      const name = nameOf(object);
      await begin({ verb: "update", kind, name: name.name, subresource: "" }, signal, name.namespace);
      return typed(kind, change(kind, find(kind, name), object, false));
    },
    async updateStatus(kind, object, signal) {
      const name = nameOf(object);
      await begin({ verb: "update", kind, name: name.name, subresource: "status" }, signal, name.namespace);
      return typed(kind, change(kind, find(kind, name), object, true));
    },
    async updateSubresource(kind, object, subresource, signal) {
      const name = nameOf(object);
      await begin({ verb: "update", kind, name: name.name, subresource }, signal, name.namespace);
      return typed(kind, change(kind, find(kind, name), object, subresource === "status"));
    },
    async patch(kind, name, patch, signal) {
      const { subresource = "" } = patch;
      await begin({ verb: "patch", kind, name: name.name, subresource }, signal, name.namespace);
      const current = find(kind, name);
      return typed(kind, change(kind, current, applyPatch(kind, current, patch), subresource === "status"));
    },
    async delete(kind, name, options, signal) {
      await begin({ verb: "delete", kind, name: name.name, subresource: "" }, signal, name.namespace);
      erase(kind, name, options);
    },
    async createSubresource(kind, name, subresource, body, signal) {
      await begin({ verb: "create", kind, name: name.name, subresource }, signal, name.namespace);
      const current = find(kind, name);
      if (subresource === "eviction") erase(kind, name, {});
      if (subresource === "binding") store(pod, bound(current, body));
      return { apiVersion: "v1", kind: "Status", metadata: {}, status: "Success" };
    },
  };
  return client;
}

function bound(object: KubeObject, body: JsonValue): KubeObject {
  const target = isJsonObject(body) ? body["target"] : undefined;
  const nodeName = isJsonObject(target) ? target["name"] : undefined;
  const spec = object["spec"];
  return { ...object, spec: { ...(isJsonObject(spec) ? spec : {}), nodeName } };
}

function sorted(objects: ReadonlyMap<string, KubeObject>): readonly KubeObject[] {
  return [...objects.keys()].sort().flatMap((key) => objects.get(key) ?? []);
}

function typed<O extends KubeObject>(_kind: Kind<O>, object: KubeObject): O {
  // Only objects of the kind are kept under it.
  return object as O;
}

/** A namespace has some in its spec, too. */
function finalizersOf({ kind, metadata, spec }: KubeObject): readonly unknown[] {
  const own = kind === "Namespace" && isJsonObject(spec) && Array.isArray(spec["finalizers"]) ? spec["finalizers"] : [];
  return [...(metadata.finalizers ?? []), ...own];
}

function nameOf({ metadata }: KubeObject): ObjectName {
  return { namespace: metadata.namespace, name: metadata.name ?? "" };
}

function withMetadata(object: KubeObject, metadata: ObjectMeta): KubeObject {
  return { ...object, metadata: { ...object.metadata, ...metadata } };
}

/** What comes out is what JSON keeps of it, and the caller's own object stays as it is. */
function copy(object: KubeObject): KubeObject {
  // What was an object with metadata still is one.
  return JSON.parse(JSON.stringify(object)) as KubeObject;
}

function asJson(value: unknown): JsonObject {
  // Parts of API objects hold JSON alone.
  return (value ?? {}) as JsonObject;
}

/** "2025-01-01T00:00:00Z" */
function secondsOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
