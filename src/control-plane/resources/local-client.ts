/**
 * The API for controllers and the scheduler of this process: the same validation, admission and conflicts as over
 * HTTP, but no JSON. Objects are the cache's own frozen values, so that an informer of 10,000 pods holds no copies.
 */
import { expiredError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ApiClient, ListQuery, ObjectName, PatchType, WatchQuery } from "#api-client/api-client.ts";
import { withDeadline } from "#api-client/with-deadline.ts";
import type { JsonValue } from "#base/json.ts";
import type { Fence } from "../store/store.ts";
import type { KindRegistry } from "./kind-registry.ts";
import { watchLocally } from "./local-watch.ts";
import type {
  DeleteOptions,
  ListOptions,
  PatchBody,
  RequestContext,
  ResourceApi,
  Target,
  UserInfo,
} from "./resource-api.ts";
import { createTurns } from "./take-turns.ts";

export interface LocalClientOptions {
  readonly api: ResourceApi;
  /** A kind is what it is here now: custom resources may have another schema than the caller's. */
  readonly kinds: Pick<KindRegistry, "find">;
  /** "system:kube-controller-manager" */
  readonly user: UserInfo;
  /** Default: the user's name behind "system:". */
  readonly fieldManager?: string;
  /** Writes count only while this is so; see `Fence`. */
  readonly fence?: Fence;
}

const TIMEOUT_MS = 30_000;
/** What this program may keep requests and timers waiting for. */
const TURN_MS = 5;

export function createLocalClient({ api, kinds, user, fieldManager, fence }: LocalClientOptions): ApiClient {
  const turns = createTurns({ maxMs: TURN_MS, now: () => performance.now() });
  const manager = fieldManager ?? user.name.split(":").at(-1) ?? user.name;
  const base = {
    user,
    isDryRun: false,
    fieldManager: manager,
    // Our own programs write no unknown fields.
    fieldValidation: "Strict",
    warn: () => undefined,
    ...(fence !== undefined && { fence }),
  } as const;

  function targetOf<O extends KubeObject>(kind: Kind<O>, name: Partial<ObjectName>, subresource = ""): Target {
    const known = kinds.find(kind.group, kind.version, kind.plural) ?? kind;
    // Generic code reads of a kind's objects only what it puts in itself.
    return { kind: known as Kind, namespace: name.namespace, name: name.name, subresource };
  }

  function call<T>(signal: AbortSignal, run: (context: RequestContext) => Promise<T>): Promise<T> {
    const answer = (): Promise<T> => withDeadline(TIMEOUT_MS, signal, (ended) => run({ ...base, signal: ended }));
    const turn = turns.take();
    return turn === undefined ? answer() : turn.then(answer);
  }

  async function put<O extends KubeObject>(kind: Kind<O>, object: O, subresource: string, signal: AbortSignal) {
    const target = targetOf(kind, nameOf(object), subresource);
    const outcome = await call(signal, (context) => api.update(target, asJson(object), context));
    return typed(kind, outcome.object);
  }

  return {
    async get(kind, name, signal) {
      return typed(kind, await call(signal, (context) => api.get(targetOf(kind, name), {}, context)));
    },
    async list(kind, query, signal) {
      const target = targetOf(kind, { namespace: query.namespace });
      const { items, metadata } = await call(signal, (context) => api.list(target, listOptions(query), context));
      return {
        items: items.map((item) => typed(kind, item)),
        resourceVersion: metadata.resourceVersion,
        continue: metadata.continue,
      };
    },
    watch<O extends KubeObject>(kind: Kind<O>, query: WatchQuery, signal: AbortSignal) {
      const target = targetOf(kind, { namespace: query.namespace });
      const { sendInitialEvents, timeoutMs } = query;
      const options = {
        ...listOptions(query),
        allowWatchBookmarks: true,
        ...(sendInitialEvents === true && { sendInitialEvents, resourceVersionMatch: "NotOlderThan" }),
      };
      return watchLocally({
        typed: (object) => typed(kind, object),
        timeoutMs,
        signal,
        overflowError: () => expiredError(`too slow: the watch of ${kind.plural} has too many events waiting`),
        begin: (sink, ended) => api.watch(target, options, sink, { ...base, signal: ended }),
      });
    },
    async create(kind, object, signal) {
      const target = targetOf(kind, { namespace: object.metadata.namespace });
      return typed(kind, await call(signal, (context) => api.create(target, asJson(object), context)));
    },
    update: (kind, object, signal) => put(kind, object, "", signal),
    updateStatus: (kind, object, signal) => put(kind, object, "status", signal),
    updateSubresource: put,
    async patch(kind, name, patch, signal) {
      const target = targetOf(kind, name, patch.subresource);
      const body = patchBody(patch);
      const { fieldManager: patcher = manager } = patch;
      const { object } = await call(signal, (context) =>
        api.patch(target, body, { ...context, fieldManager: patcher }),
      );
      return typed(kind, object);
    },
    async delete(kind, name, options, signal) {
      await call(signal, (context) => api.delete(targetOf(kind, name), deleteOptions(options), context));
    },
    createSubresource: (kind, name, subresource, body, signal) =>
      call(signal, (context) => api.create(targetOf(kind, name, subresource), body, context)),
  };
}

function listOptions(query: ListQuery): ListOptions {
  const { labelSelector, fieldSelector, resourceVersion, limit, continue: next } = query;
  return {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(limit !== undefined && { limit }),
    ...(next !== undefined && { continue: next }),
  };
}

function deleteOptions(options: Parameters<ApiClient["delete"]>[2]): DeleteOptions {
  const { uid, resourceVersion, ...rest } = options;
  if (uid === undefined && resourceVersion === undefined) return rest;
  const preconditions = {
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return { ...rest, preconditions };
}

function patchBody(patch: { readonly type: PatchType; readonly body: JsonValue; readonly force?: boolean }): PatchBody {
  const { type, body, force = false } = patch;
  return type === "apply" ? { type, patch: body, force } : { type, patch: body };
}

function typed<O extends KubeObject>(_kind: Kind<O>, object: KubeObject): O {
  // Whatever is kept under a kind was decoded by its schema.
  return object as O;
}

function asJson(object: object): JsonValue {
  // Objects of the API hold JSON and undefined alone; the decoder passes over what is undefined.
  return object as JsonValue;
}

function nameOf({ metadata }: KubeObject): Partial<ObjectName> {
  return { namespace: metadata.namespace, ...(metadata.name !== undefined && { name: metadata.name }) };
}
