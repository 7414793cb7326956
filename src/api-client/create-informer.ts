/**
 * The informer over any client: one loop lists, then watches from there for as long as the server lets it; one request
 * does both where the server can. What the server has forgotten is found by comparing a new list with what is known.
 * Source: client-go's reflector; KEP-3157, watch-list.
 */
import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ApiClient, ListQuery, TypedList, TypedWatchEvent } from "./api-client.ts";
import { type BackOffLimits, createBackOff } from "./back-off.ts";
import type { IndexFunction, Informer, InformerHandlers } from "./informer.ts";
import { createObjectCache, keyOf } from "./object-cache.ts";
import { sleep } from "./sleep.ts";

export interface InformerOptions<O extends KubeObject> {
  readonly client: Pick<ApiClient, "list" | "watch" | "supportsWatchList">;
  readonly kind: Kind<O>;
  readonly query?: Pick<ListQuery, "namespace" | "labelSelector" | "fieldSelector">;
  readonly indexes?: Readonly<Record<string, IndexFunction<O>>>;
  /** What of an object is kept and told; its metadata keeps names, uid and resourceVersion. Default: all of it. */
  readonly keep?: (object: O) => O;
  /** The server could not be reached or refused, or a handler threw; the informer goes on. */
  onError(error: unknown): void;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly backOff?: BackOffLimits;
}

const BACK_OFF: BackOffLimits = { firstMs: 800, lastMs: 30_000, resetMs: 120_000 };
const PAGE_SIZE = 500;
/** A watch lasts between that and twice as long. */
const WATCH_MS = 300_000;
/** Nothing is as short as that, unless the server ends watches as they come. */
const SHORTEST_WATCH_MS = 500;

export function createInformer<O extends KubeObject>(options: InformerOptions<O>): Informer<O> {
  const { client, kind, query = {}, indexes = {}, onError, random = Math.random } = options;
  const { backOff: limits = BACK_OFF } = options;
  const { keep = (object: O): O => object } = options;
  const cache = createObjectCache(indexes);
  const subscribers = new Set<InformerHandlers<O>>();
  const stop = new AbortController();
  const { signal } = stop;
  const synced = Promise.withResolvers<void>();
  synced.promise.catch(() => undefined); // who waits for it hears of it
  const backOff = createBackOff({ ...limits, random, elapsedMs: () => performance.now() });
  let hasSynced = false;
  /** Of the last event; undefined when the next step is a list. */
  let revision: string | undefined;
  /** Since the last event the server has said that the place is lost. */
  let isLost = false;

  /** A handler that fails is its owner's trouble: the others hear of the event all the same. */
  function tell(call: (handlers: InformerHandlers<O>) => void): void {
    for (const each of [...subscribers]) {
      if (!subscribers.has(each)) continue;
      try {
        call(each);
      } catch (error) {
        onError(error);
      }
    }
  }

  function put(object: O): void {
    const known = cache.get(object.metadata.namespace, object.metadata.name ?? "");
    // Deleted and made again while nobody watched: two objects.
    if (known !== undefined && known.metadata.uid !== object.metadata.uid) drop(known);
    const old = cache.set(object);
    tell((handlers) => (old === undefined ? handlers.onAdd?.(object) : handlers.onUpdate?.(object, old)));
  }

  function drop(object: O): void {
    if (cache.delete(object) !== undefined) tell((handlers) => handlers.onDelete?.(object));
  }

  /** In pages; when they expire on the way, all at once, so that a busy server cannot keep us from ever ending. */
  async function listAll(): Promise<TypedList<O>> {
    const first = await listPage({ limit: PAGE_SIZE });
    const items = [...first.items];
    for (let { continue: next } = first; next !== undefined; ) {
      let page: TypedList<O>;
      try {
        page = await listPage({ limit: PAGE_SIZE, continue: next });
      } catch (error) {
        if (isGone(error)) return await listPage({});
        throw error;
      }
      items.push(...page.items);
      next = page.continue;
    }
    return { ...first, items };
  }

  /** What is not kept goes with its page. */
  async function listPage(part: Pick<ListQuery, "limit" | "continue">): Promise<TypedList<O>> {
    const page = await client.list(kind, { ...query, ...part }, signal);
    return { ...page, items: page.items.map(keep) };
  }

  async function list(): Promise<void> {
    const { items, resourceVersion } = await listAll();
    if (!signal.aborted) replaceAll(items, resourceVersion);
  }

  /** Tells what has changed since the last event, if there was one. */
  function replaceAll(items: readonly O[], resourceVersion: string): void {
    const listed = new Set(items.map(keyOf));
    for (const old of cache.list()) if (!listed.has(keyOf(old))) drop(old);
    for (const object of items) if (isNews(object)) put(object);
    revision = resourceVersion;
    hasSynced = true;
    synced.resolve();
  }

  /** After a gap most objects are as they were. */
  function isNews({ metadata }: O): boolean {
    const known = cache.get(metadata.namespace, metadata.name ?? "")?.metadata;
    return known?.resourceVersion !== metadata.resourceVersion || known?.uid !== metadata.uid;
  }

  function take(event: TypedWatchEvent<O>): void {
    if (event.type === "DELETED") drop(event.object);
    else if (event.type !== "BOOKMARK") put(keep(event.object));
    const next = event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
    // An event without one is no place to go on from.
    if (next !== undefined && next !== "") revision = next;
  }

  const watchMs = (): number => Math.round(WATCH_MS * (1 + random()));

  /** The list as the beginning of a watch, until the server ends it. */
  async function listAndFollow(): Promise<void> {
    let items: Map<string, O> | undefined = new Map();
    for await (const event of client.watch(kind, { ...query, sendInitialEvents: true, timeoutMs: watchMs() }, signal)) {
      if (signal.aborted) return;
      if (items === undefined) {
        take(event);
        isLost = false;
      } else if (event.type === "BOOKMARK") {
        if (!event.endsInitialEvents) continue;
        replaceAll([...items.values()], event.resourceVersion);
        items = undefined;
      } else if (event.type === "DELETED") items.delete(keyOf(event.object));
      else items.set(keyOf(event.object), keep(event.object));
    }
    if (items !== undefined) throw new Error(`The watch of ${kind.plural} ended before all of them had come`);
  }

  /** Until the server ends it. */
  async function follow(resourceVersion: string): Promise<void> {
    const startedAt = performance.now();
    let events = 0;
    for await (const event of client.watch(kind, { ...query, resourceVersion, timeoutMs: watchMs() }, signal)) {
      if (signal.aborted) return;
      take(event);
      isLost = false;
      events++;
    }
    if (events === 0 && performance.now() - startedAt < SHORTEST_WATCH_MS) {
      throw new Error(`The watch of ${kind.plural} ended at once`);
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const isWatchList = revision === undefined && client.supportsWatchList === true;
      try {
        if (isWatchList) await listAndFollow();
        else if (revision === undefined) await list();
        else await follow(revision);
      } catch (error) {
        if (signal.aborted) return;
        if (isWatchList && client.supportsWatchList !== true) continue; // that was the answer
        // The place is lost: list, and tell what has changed meanwhile. Lost again at once, there is no hurry.
        const isFirstLoss = isGone(error) && !isLost;
        if (isGone(error)) {
          revision = undefined;
          isLost = true;
        } else onError(error);
        if (!isFirstLoss) await sleep(backOff.next(), signal);
      }
    }
  }

  const running = run();

  return {
    synced: synced.promise,
    hasSynced: () => hasSynced,
    get: cache.get,
    list: cache.list,
    byIndex: cache.byIndex,
    subscribe(handlers) {
      subscribers.add(handlers);
      for (const object of cache.list()) handlers.onAdd?.(object);
      return { [Symbol.dispose]: () => void subscribers.delete(handlers) };
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error(`The informer of ${kind.plural} was closed`));
      synced.reject(signal.reason);
      await running;
    },
  };
}

function isGone(error: unknown): boolean {
  return isApiError(error, "Expired") || isApiError(error, "Gone");
}
