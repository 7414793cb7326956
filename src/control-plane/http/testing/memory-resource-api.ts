/**
 * A resource API in memory for tests of the HTTP server: objects by path, one revision, watches. It checks nothing of
 * what the real one checks.
 */
import { EventEmitter, once } from "node:events";
import { alreadyExistsError, badRequestError, notFoundError } from "#api/api-error.ts";
import { apiVersionOf, type KubeObject } from "#api/kind.ts";
import { applyMergePatch } from "#api/patch/merge-patch.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type {
  ListOptions,
  PatchBody,
  RequestContext,
  ResourceApi,
  Target,
  WatchEvent,
  WatchSink,
} from "../../resources/resource-api.ts";

export interface MemoryResourceApi extends ResourceApi {
  /** Tells all watches of the kind, as if the object had been written. */
  emit(target: Target, event: WatchEvent): void;
  readonly watches: number;
  /** Resolves when the last watch has ended. */
  unwatched(): Promise<void>;
  /** The context of the last call. */
  readonly lastContext: RequestContext | undefined;
  readonly lastPatch: PatchBody | undefined;
  readonly lastListOptions: ListOptions | undefined;
}

export function createMemoryResourceApi(): MemoryResourceApi {
  const objects = new Map<string, KubeObject>();
  const sinks = new Set<{ readonly kind: string; readonly sink: WatchSink }>();
  const left = new EventEmitter();
  let revision = 0;
  let lastContext: RequestContext | undefined;
  let lastPatch: PatchBody | undefined;
  let lastListOptions: ListOptions | undefined;

  const find = (target: Target): KubeObject => {
    const object = objects.get(keyOf(target));
    if (object === undefined) throw notFoundError(target.kind, target.name ?? "");
    return object;
  };
  const emit = (target: Target, event: WatchEvent): void => {
    for (const entry of [...sinks]) {
      if (entry.kind === target.kind.plural && !entry.sink.onEvent(event)) sinks.delete(entry);
    }
  };
  const write = (target: Target, body: JsonValue, context: RequestContext): KubeObject => {
    if (!isJsonObject(body)) throw badRequestError("not an object");
    const metadata = isJsonObject(body["metadata"]) ? body["metadata"] : {};
    const name = target.name ?? String(metadata["name"]);
    const key = keyOf({ ...target, name });
    const isNew = !objects.has(key);
    const { namespace } = target;
    const object = deepFreeze({
      ...body,
      kind: target.kind.kind,
      apiVersion: apiVersionOf(target.kind),
      metadata: {
        ...metadata,
        name,
        ...(namespace !== undefined && { namespace }),
        uid: `uid-${name}`,
        resourceVersion: String(++revision),
      },
    }) as unknown as KubeObject;
    if (context.isDryRun) return object;
    objects.set(key, object);
    emit(target, { type: isNew ? "ADDED" : "MODIFIED", object });
    return object;
  };
  return {
    emit,
    get watches() {
      return sinks.size;
    },
    async unwatched() {
      while (sinks.size > 0) await once(left, "left");
    },
    get lastContext() {
      return lastContext;
    },
    get lastPatch() {
      return lastPatch;
    },
    get lastListOptions() {
      return lastListOptions;
    },
    async get(target, _options, context) {
      lastContext = context;
      return find(target);
    },
    async list(target, options) {
      lastListOptions = options;
      const items = [...objects].filter(([key]) => key.startsWith(prefixOf(target))).map(([, object]) => object);
      return { items, metadata: { resourceVersion: String(revision) } };
    },
    async watch(target, options, sink, { signal }) {
      lastListOptions = options;
      const entry = { kind: target.kind.plural, sink };
      sinks.add(entry);
      signal.addEventListener("abort", () => {
        sinks.delete(entry);
        left.emit("left");
      });
      if (options.resourceVersion !== undefined) return;
      for (const [key, object] of objects)
        if (key.startsWith(prefixOf(target))) sink.onEvent({ type: "ADDED", object });
    },
    async create(target, body, context) {
      lastContext = context;
      const metadata = isJsonObject(body) && isJsonObject(body["metadata"]) ? body["metadata"] : {};
      const name = String(metadata["name"]);
      if (objects.has(keyOf({ ...target, name }))) throw alreadyExistsError(target.kind, name);
      return write(target, body, context);
    },
    async update(target, body, context) {
      lastContext = context;
      return { object: write(target, body, context), isNew: false };
    },
    async patch(target, patch, context) {
      lastContext = context;
      lastPatch = patch;
      const isNew = !objects.has(keyOf(target));
      // Objects in memory are JSON.
      const old = (isNew ? {} : find(target)) as unknown as JsonValue;
      return { object: write(target, applyMergePatch(old, patch.patch), context), isNew };
    },
    async delete(target, _options, context) {
      lastContext = context;
      const object = find(target);
      if (!context.isDryRun) {
        objects.delete(keyOf(target));
        emit(target, { type: "DELETED", object });
      }
      return { type: "deleted", object };
    },
    async deleteCollection(target, options, context) {
      lastContext = context;
      const list = await this.list(target, options, context);
      for (const { metadata } of list.items) await this.delete({ ...target, name: metadata.name }, {}, context);
      return list;
    },
  };
}

function keyOf(target: Target): string {
  return `${prefixOf(target)}${target.name}`;
}

function prefixOf({ kind, namespace }: Target): string {
  return `${kind.group}/${kind.plural}/${namespace === undefined ? "" : `${namespace}/`}`;
}
