/** The caches of one store: one for each group and resource, made when it is asked for. */
import type { KindNames } from "#api/kind.ts";
import type { Store } from "../store/store.ts";
import { createWatchCache } from "./create-watch-cache.ts";
import type { WatchCache } from "./watch-cache.ts";

export interface WatchCaches extends AsyncDisposable {
  of(kind: Pick<KindNames, "group" | "plural">): WatchCache;
}

/** Does not dispose of the store. */
export function createWatchCaches(store: Store): WatchCaches {
  const caches = new Map<string, WatchCache>();
  return {
    of(kind) {
      const name = `${kind.group}/${kind.plural}`;
      const cache = caches.get(name) ?? createWatchCache({ store, kind });
      caches.set(name, cache);
      return cache;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...caches.values()].map((cache) => cache[Symbol.asyncDispose]()));
    },
  };
}
