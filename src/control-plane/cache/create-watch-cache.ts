/**
 * The cache of one kind over a store. It loads on first use and follows the store from there; when it loses its place
 * (the store compacted what it had not read), its watchers end with 410 and it loads again on the next use.
 */
import type { KindNames, KubeObject } from "#api/kind.ts";
import { isStoreError, type Revision, type Store, StoreError } from "../store/store.ts";
import { closedError } from "../store/store-errors.ts";
import { continueTooOldError, listTooOldError, tooLargeError, tooOldError } from "./cache-errors.ts";
import { type ContinueToken, decodeContinueToken, encodeContinueToken } from "./continue-token.ts";
import { extendHistory } from "./extend-history.ts";
import { DEFAULT_BOUNDS, type HistoryBounds } from "./history.ts";
import { listPage } from "./list-page.ts";
import { loadSnapshot } from "./load-snapshot.ts";
import { createLoadedKind, type LoadedKind } from "./loaded-kind.ts";
import { createOwnWrites } from "./own-writes.ts";
import { abortable, createSharedQuestion } from "./shared-question.ts";
import { objectKey, storePrefix } from "./store-key.ts";
import { encodeStored, withRevision } from "./stored-text.ts";
import type { CacheListRequest, CacheWriteRequest, WatchCache } from "./watch-cache.ts";

export interface WatchCacheOptions {
  readonly store: Store;
  readonly kind: Pick<KindNames, "group" | "plural">;
  readonly bookmarkIntervalMs?: number;
  /** Longest wait for a revision that the cache does not have yet; the default is the API server's. */
  readonly reachTimeoutMs?: number;
  readonly historyBounds?: HistoryBounds;
}

const never = new AbortController().signal;

export function createWatchCache(options: WatchCacheOptions): WatchCache {
  const { store, kind, bookmarkIntervalMs = 60_000, reachTimeoutMs = 3_000, historyBounds = DEFAULT_BOUNDS } = options;
  const prefix = storePrefix(kind);
  const own = createOwnWrites();
  const stopping = new AbortController();
  const askNewest = createSharedQuestion(() => store.currentRevision(stopping.signal));
  let loaded: LoadedKind | undefined;
  let loading: Promise<LoadedKind> | undefined;
  let extending: Promise<boolean> | undefined;
  let watch: Disposable | undefined;
  let bookmarks: NodeJS.Timeout | undefined;

  function ready(signal: AbortSignal): LoadedKind | Promise<LoadedKind> {
    signal.throwIfAborted();
    if (stopping.signal.aborted) throw closedCacheError();
    if (loaded !== undefined) return loaded;
    loading ??= load().finally(() => {
      loading = undefined;
    });
    return abortable(loading, signal);
  }

  async function load(): Promise<LoadedKind> {
    const { snapshot, revision } = await loadSnapshot(store, prefix, stopping.signal);
    if (stopping.signal.aborted) throw closedCacheError();
    const state = createLoadedKind({ prefix, snapshot, revision, own, bounds: historyBounds });
    watch = store.watch(prefix, revision, {
      onEvents(events, told) {
        try {
          state.apply(events, told);
        } catch (error) {
          lose(state, error instanceof Error ? error : new Error(String(error)));
        }
      },
      onEnd: (error) => lose(state, isStoreError(error, "compacted") ? lostPlaceError(state, error) : error),
    });
    // What was written since the last page; from here on the cache keeps up.
    const newest = await store.currentRevision(stopping.signal);
    if (!(await state.progress.reach(newest, reachTimeoutMs, stopping.signal))) {
      watch[Symbol.dispose]();
      const message = `Cannot load ${kind.plural}: the store does not tell what was written up to revision ${newest}`;
      throw new StoreError({ code: "unavailable", message });
    }
    bookmarks = setInterval(state.bookmark, bookmarkIntervalMs);
    bookmarks.unref();
    loaded = state;
    return state;
  }

  function lose(state: LoadedKind, error: Error): void {
    watch?.[Symbol.dispose]();
    if (state === loaded) {
      loaded = undefined;
      clearInterval(bookmarks);
    }
    state.end(error);
  }

  /** The cache has everything that was written before the call. */
  async function catchUp(state: LoadedKind, signal: AbortSignal): Promise<void> {
    if (!store.isSoleWriter) await reach(state, await abortable(askNewest(), signal), signal);
  }

  async function reach(state: LoadedKind, revision: Revision, signal: AbortSignal): Promise<void> {
    const isReached = await state.progress.reach(revision, reachTimeoutMs, signal);
    if (!isReached && state === loaded) throw tooLargeError(revision, state.progress.revision);
  }

  /** Makes the history begin not behind `after`; false when that is not possible. */
  async function remember(state: LoadedKind, after: Revision, signal: AbortSignal): Promise<boolean> {
    while (after < state.history.after && state === loaded) {
      const isOthers = extending !== undefined;
      extending ??= extendHistory({ store, prefix, history: state.history, get: state.get }, after).finally(() => {
        extending = undefined;
      });
      // One that others began may fail because it was to go further back.
      if (!(await abortable(extending, signal)) && !isOthers) return false;
    }
    return true;
  }

  async function remembered(state: LoadedKind, revision: Revision, signal: AbortSignal, expired: () => Error) {
    await reach(state, revision, signal);
    if (!(await remember(state, revision, signal))) throw expired();
    return revision;
  }

  /** The revision that the list is of. */
  async function revisionFor(
    state: LoadedKind,
    { freshness }: CacheListRequest,
    token: ContinueToken | undefined,
    signal: AbortSignal,
  ): Promise<Revision> {
    if (token?.revision !== undefined) {
      const { start, revision } = token;
      const expired = (): Error => continueTooOldError(encodeContinueToken({ revision: undefined, start }));
      return await remembered(state, revision, signal, expired);
    }
    if (token !== undefined || freshness === "latest") await catchUp(state, signal);
    else if (freshness !== "any" && "exactly" in freshness) {
      return await remembered(state, freshness.exactly, signal, listTooOldError);
    } else if (freshness !== "any") await reach(state, freshness.atLeast, signal);
    return state.progress.revision;
  }

  async function write(request: CacheWriteRequest, signal: AbortSignal): Promise<KubeObject> {
    const { namespace, name, next, expected, ttlSeconds, fence, unchangedSince } = request;
    const state = await ready(signal);
    const key = objectKey(namespace, name);
    const text = next === undefined ? undefined : encodeStored(next);
    const before = next ?? state.get(key);
    using pending = own.begin(key, text, next);
    const revision = await store.write(
      {
        key: prefix + key,
        value: text,
        expected,
        ...(ttlSeconds !== undefined && { ttlSeconds }),
        ...(fence !== undefined && { fence }),
        ...(unchangedSince !== undefined && { unchanged: { prefix, since: unchangedSince } }),
      },
      signal,
    );
    // It is written, whoever waits: the signal does not count any more.
    await state.progress.reach(revision, reachTimeoutMs, never);
    const result = pending.resultAt(revision);
    if (result !== undefined) return result;
    if (before !== undefined) return withRevision(before, revision);
    throw new StoreError({ code: "unavailable", message: `Cannot give the last state of "${key}": it is deleted` });
  }

  return {
    async get(namespace, name, freshness, signal) {
      for (;;) {
        const state = await ready(signal);
        if (freshness === "latest") await catchUp(state, signal);
        if (state === loaded) return state.get(objectKey(namespace, name));
      }
    },
    async list(request, signal) {
      const token = request.continueToken === undefined ? undefined : decodeContinueToken(request.continueToken);
      for (;;) {
        const state = await ready(signal);
        const revision = await revisionFor(state, request, token, signal);
        // Lost, or forgotten again, while this waited: once more.
        if (state !== loaded || revision < state.history.after) continue;
        return listPage(state.view(revision), revision, { ...request, start: token?.start });
      }
    },
    async watch(request, watcher, signal) {
      const { after } = request;
      for (;;) {
        const state = await ready(signal);
        if (after === undefined) await catchUp(state, signal);
        else if (!(await remember(state, after, signal))) throw tooOldError(after, state.history.after);
        if (state !== loaded || (after !== undefined && after < state.history.after)) continue;
        signal.throwIfAborted();
        return state.subscribe(request, watcher);
      }
    },
    write,
    async [Symbol.asyncDispose]() {
      if (stopping.signal.aborted) return;
      stopping.abort(closedCacheError());
      loaded?.bookmark();
      if (loaded !== undefined) lose(loaded, closedCacheError());
      watch?.[Symbol.dispose]();
      await loading?.catch(() => undefined);
    },
  };
}

function lostPlaceError({ progress }: LoadedKind, { compactedRevision }: StoreError): Error {
  return tooOldError(progress.revision, compactedRevision ?? progress.revision);
}

function closedCacheError(): StoreError {
  return closedError("behind the cache");
}
