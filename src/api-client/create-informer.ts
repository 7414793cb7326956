import { isApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import type { ApiClient, ListQuery, TypedWatchEvent } from "./api-client.ts";
import type { IndexFunction, Informer, InformerHandlers } from "./informer.ts";
import { createObjectCache, keyOf } from "./object-cache.ts";

export interface InformerOptions<O extends KubeObject> {
  readonly client: Pick<ApiClient, "list" | "watch">;
  readonly kind: Kind<O>;
  readonly query?: Pick<ListQuery, "namespace" | "labelSelector" | "fieldSelector">;
  readonly indexes?: Readonly<Record<string, IndexFunction<O>>>;
  /** The server could not be reached or refused; the informer goes on. */
  onError(error: unknown): void;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

const FIRST_RETRY_MS = 800;
const LAST_RETRY_MS = 30_000;
/** After so much time without an error, the next one is the first again. */
const RESET_MS = 120_000;
const PAGE_SIZE = 500;
/** A watch lasts between that and twice as long. */
const WATCH_MS = 300_000;

export function createInformer<O extends KubeObject>({
  client,
  kind,
  query = {},
  indexes = {},
  onError,
  random = Math.random,
}: InformerOptions<O>): Informer<O> {
  const cache = createObjectCache(indexes);
  const subscribers = new Set<InformerHandlers<O>>();
  const stop = new AbortController();
  const { signal } = stop;
  const synced = Promise.withResolvers<void>();
  synced.promise.catch(() => undefined); // who waits for it hears of it
  let hasSynced = false;
  /** Of the last event; undefined when the next step is a list. */
  let revision: string | undefined;

  function put(object: O): void {
    const old = cache.set(object);
    for (const each of subscribers) {
      if (old === undefined) each.onAdd?.(object);
      else each.onUpdate?.(object, old);
    }
  }

  function drop(object: O): void {
    const old = cache.delete(object);
    if (old !== undefined) for (const each of subscribers) each.onDelete?.(object);
  }

  async function list(): Promise<void> {
    const listed = new Map<string, O>();
    let next: string | undefined;
    do {
      const page = await client.list(
        kind,
        { ...query, limit: PAGE_SIZE, ...(next !== undefined && { continue: next }) },
        signal,
      );
      for (const object of page.items) listed.set(keyOf(object), object);
      revision = page.resourceVersion;
      next = page.continue;
    } while (next !== undefined);
    for (const old of cache.list()) if (!listed.has(keyOf(old))) drop(old);
    for (const object of listed.values()) if (isNews(object)) put(object);
    hasSynced = true;
    synced.resolve();
  }

  /** After a gap most objects are as they were. */
  function isNews({ metadata }: O): boolean {
    const known = cache.get(metadata.namespace, metadata.name ?? "")?.metadata;
    return known?.resourceVersion !== metadata.resourceVersion || known?.uid !== metadata.uid;
  }

  function take(event: TypedWatchEvent<O>): void {
    if (event.type === "BOOKMARK") revision = event.resourceVersion;
    else {
      if (event.type === "DELETED") drop(event.object);
      else put(event.object);
      revision = event.object.metadata.resourceVersion;
    }
  }

  /** Until the server ends it. Gives the number of events. */
  async function follow(resourceVersion: string): Promise<number> {
    let events = 0;
    const timeoutMs = Math.round(WATCH_MS * (1 + random()));
    for await (const event of client.watch(kind, { ...query, resourceVersion, timeoutMs }, signal)) {
      take(event);
      events++;
    }
    return events;
  }

  async function run(): Promise<void> {
    let failures = 0;
    let since = performance.now();
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        if (revision === undefined) await list();
        else if ((await follow(revision)) === 0 && performance.now() - startedAt < FIRST_RETRY_MS) {
          throw new Error(`The watch of ${kind.plural} ended at once`);
        }
      } catch (error) {
        if (signal.aborted) return;
        // The place is lost: list, and tell what has changed meanwhile.
        if (isGone(error)) revision = undefined;
        if (performance.now() - since > RESET_MS) failures = 0;
        if (isGone(error) && failures === 0) failures = 1;
        else await pause(failures++, error);
        since = performance.now();
      }
    }
  }

  function pause(failures: number, error: unknown): Promise<void> {
    onError(error);
    const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
    return sleep(longest * (0.5 + random() / 2), signal);
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

/** Resolves early when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms).unref();
  const abort = (): void => {
    clearTimeout(timer);
    resolve();
  };
  signal.addEventListener("abort", abort, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", abort));
}
