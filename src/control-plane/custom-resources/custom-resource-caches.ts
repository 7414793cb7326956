/**
 * The caches of custom kinds. All versions of a kind have one cache below, whose objects are in the stored version:
 * each version sees them under its own apiVersion and with its own defaults. Each object is converted once, so that
 * identity says here what it says there.
 */

import { apiVersionOf, type CustomRules, type Kind, type KubeObject } from "#api/kind.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import type { CacheEvent, CacheWatcher, Selector, WatchCache } from "../cache/watch-cache.ts";

export interface CustomResourceCaches {
  /** For custom kinds the view of that kind; for others the cache itself. */
  of(kind: Kind): WatchCache;
  /** Ends the watches of a kind that is no more, or not as it was: who watches asks again. */
  endWatches(kind: Kind, error: Error): void;
}

interface View {
  readonly cache: WatchCache;
  endWatches(error: Error): void;
}

export function createCustomResourceCaches(core: (kind: Kind) => WatchCache): CustomResourceCaches {
  const views = new WeakMap<Kind, View>();
  return {
    of(kind) {
      if (kind.custom === undefined) return core(kind);
      const view = views.get(kind) ?? createView(core(kind), kind, kind.custom);
      views.set(kind, view);
      return view.cache;
    },
    endWatches: (kind, error) => views.get(kind)?.endWatches(error),
  };
}

/** The cache below stays with whoever has it: disposing of this one does nothing. */
function createView(core: WatchCache, kind: Kind, { storageVersion }: CustomRules): View {
  const apiVersion = apiVersionOf(kind);
  const storedVersion = apiVersionOf({ group: kind.group, version: storageVersion });
  const converted = new WeakMap<KubeObject, KubeObject>();
  const watches = new Set<{ end(error: Error): void }>();

  function fromStored(object: KubeObject): KubeObject {
    const known = converted.get(object);
    if (known !== undefined) return known;
    const relabelled = object.apiVersion === apiVersion ? object : { ...object, apiVersion };
    const served = deepFreeze(applyDefaults(kind, relabelled));
    converted.set(object, served);
    return served;
  }
  const eventFromStored = (event: CacheEvent): CacheEvent =>
    event.type === "BOOKMARK" ? event : { ...event, object: fromStored(event.object) };

  const cache: WatchCache = {
    async get(namespace, name, freshness, signal) {
      const object = await core.get(namespace, name, freshness, signal);
      return object === undefined ? undefined : fromStored(object);
    },
    async list(request, signal) {
      const result = await core.list({ ...request, selector: onStored(request.selector, fromStored) }, signal);
      return { ...result, objects: result.objects.map(fromStored) };
    },
    async watch(request, watcher, signal) {
      const entry = createWatch(watcher, eventFromStored, () => watches.delete(entry));
      watches.add(entry);
      try {
        const selector = onStored(request.selector, fromStored);
        entry.subscribed(await core.watch({ ...request, selector }, entry.watcher, signal));
      } catch (error) {
        watches.delete(entry);
        throw error;
      }
      return entry;
    },
    async write(request, signal) {
      const next = request.next === undefined ? undefined : { ...request.next, apiVersion: storedVersion };
      return fromStored(await core.write({ ...request, next }, signal));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  return {
    cache,
    endWatches(error) {
      for (const watch of [...watches]) watch.end(error);
    },
  };
}

/** Of the pins only those that are the same in every version. */
function onStored(selector: Selector, fromStored: (object: KubeObject) => KubeObject): Selector {
  const pins = Object.entries(selector.pins ?? {}).filter(([path]) => path.startsWith("metadata."));
  return Object.assign((object: KubeObject) => selector(fromStored(object)), { pins: Object.fromEntries(pins) });
}

interface Watch extends Disposable {
  readonly watcher: CacheWatcher;
  subscribed(subscription: Disposable): void;
  end(error: Error): void;
}

function createWatch(watcher: CacheWatcher, convert: (event: CacheEvent) => CacheEvent, forget: () => void): Watch {
  let subscription: Disposable | undefined;
  let isOver = false;
  const close = (): void => {
    isOver = true;
    forget();
    subscription?.[Symbol.dispose]();
  };
  return {
    watcher: {
      onEvent(event) {
        const takesMore = !isOver && watcher.onEvent(convert(event));
        if (!takesMore) close();
        return takesMore;
      },
      onEnd(error) {
        if (isOver) return;
        close();
        watcher.onEnd(error);
      },
    },
    subscribed(made) {
      subscription = made;
      if (isOver) made[Symbol.dispose]();
    },
    end(error) {
      if (isOver) return;
      close();
      watcher.onEnd(error);
    },
    [Symbol.dispose]: close,
  };
}
