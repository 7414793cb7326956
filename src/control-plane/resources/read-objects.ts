/** GET, LIST and WATCH: the cache's answers in the API's form. Objects go through by identity. */
import { notFoundError } from "#api/api-error.ts";
import { apiVersionOf, type Kind, type KubeObject } from "#api/kind.ts";
import type { CacheEvent, WatchCache } from "../cache/watch-cache.ts";
import type { Revision } from "../store/store.ts";
import { type Freshness, parseRevision, planList, planWatch, type WatchPlan } from "./list-options.ts";
import { nameOf } from "./place.ts";
import type {
  ListOptions,
  ObjectList,
  RequestContext,
  Target,
  WatchEvent,
  WatchOptions,
  WatchSink,
} from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { apiErrorOf } from "./store-failure.ts";
import { revisionOf } from "./stored-object.ts";

type Caches = Pick<ResourceDeps, "caches">;

export async function getObject(
  { caches }: Caches,
  target: Target,
  { resourceVersion }: { readonly resourceVersion?: string },
  { signal }: Pick<RequestContext, "signal">,
): Promise<KubeObject> {
  const atLeast = parseRevision(resourceVersion);
  const { kind, namespace } = target;
  const name = nameOf(target);
  const cache = caches(kind);
  let found = await cache.get(namespace, name, atLeast === 0 ? "any" : "latest", signal);
  if (atLeast !== undefined && atLeast > 0 && (found === undefined || revisionOf(found) < atLeast)) {
    await waitFor(cache, { atLeast }, signal);
    found = await cache.get(namespace, name, "latest", signal);
  }
  if (found === undefined) throw notFoundError(kind, name);
  return found;
}

/** The cache's revision, as fresh as asked for. Rejects with a 504 when that is not written in time. */
async function waitFor(cache: WatchCache, freshness: Freshness, signal: AbortSignal): Promise<Revision> {
  const { revision } = await cache.list(
    { namespace: undefined, selector: () => false, selectsAll: false, limit: 1, freshness },
    signal,
  );
  return revision;
}

export async function listObjects(
  { caches }: Caches,
  target: Target,
  options: ListOptions,
  { signal }: Pick<RequestContext, "signal">,
): Promise<ObjectList> {
  const request = planList(target, options);
  const { objects, revision, continueToken, remaining } = await caches(target.kind).list(request, signal);
  return {
    items: objects,
    metadata: {
      resourceVersion: String(revision),
      ...(continueToken !== undefined && { continue: continueToken }),
      ...(continueToken !== undefined && remaining !== undefined && { remainingItemCount: remaining }),
    },
  };
}

export async function watchObjects(
  { caches }: Caches,
  target: Target,
  options: WatchOptions,
  { sink, signal }: { readonly sink: WatchSink; readonly signal: AbortSignal },
): Promise<void> {
  const { kind } = target;
  const plan = planWatch(target, options);
  const cache = caches(kind);
  const after = await findStart(cache, plan, signal);
  let subscription: Disposable | undefined;
  const dispose = () => subscription?.[Symbol.dispose]();
  // The signal may live longer than the watch.
  const forget = () => signal.removeEventListener("abort", dispose);
  signal.addEventListener("abort", dispose, { once: true });
  try {
    subscription = await cache.watch(
      { ...plan.request, after },
      {
        onEvent(event) {
          const goesOn = sink.onEvent(watchEvent(kind, event));
          if (!goesOn) forget();
          return goesOn;
        },
        onEnd(error) {
          forget();
          sink.onError(asError(apiErrorOf(error, target)));
        },
      },
      signal,
    );
  } catch (error) {
    forget();
    throw error;
  }
  if (signal.aborted) dispose();
}

/** The revision after which events begin; undefined: with everything that is there. */
async function findStart(cache: WatchCache, { start }: WatchPlan, signal: AbortSignal): Promise<Revision | undefined> {
  switch (start.type) {
    case "after":
      return start.revision;
    case "now":
      return await waitFor(cache, "latest", signal);
    case "initial":
      if (start.freshness !== "any") await waitFor(cache, start.freshness, signal);
      return undefined;
    default:
      return start satisfies never;
  }
}

function watchEvent(kind: Kind, event: CacheEvent): WatchEvent {
  // The event itself: what is the same for all watchers is the same value.
  if (event.type !== "BOOKMARK") return event;
  return { type: "BOOKMARK", object: bookmark(kind, event) };
}

/** A bookmark has nothing but its revision. */
function bookmark(kind: Kind, { revision, endsInitialEvents }: Extract<CacheEvent, { type: "BOOKMARK" }>): KubeObject {
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(revision),
      ...(endsInitialEvents && { annotations: { "k8s.io/initial-events-end": "true" } }),
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
