/** A watch of all objects of a cache that begins anew when it ends, for whoever keeps a picture of them in memory. */
import { setTimeout } from "node:timers/promises";
import type { KubeObject } from "#api/kind.ts";
import type { CacheEvent, WatchCache } from "../cache/watch-cache.ts";
import type { Revision } from "../store/store.ts";

export interface Follower {
  onObject(object: KubeObject): void;
  onGone(object: KubeObject): void;
  /** Everything that is there has been told since the watch began; what was known before and is not among it is gone. */
  onInitialEnd(objects: readonly KubeObject[]): void;
  /** Everything up to the revision has been told. */
  onRevision(revision: Revision): void;
  /** From now until the next `onInitialEnd` the picture may be old. */
  onLost(error: unknown): void;
}

/** Until a watch that ended is begun again. */
const RETRY_MS = 1000;

/** Resolves with the first `onInitialEnd`; rejects when the watch does not get there. Ends with `signal`. */
export async function followCache(cache: WatchCache, follower: Follower, signal: AbortSignal): Promise<void> {
  const first = Promise.withResolvers<void>();
  void followOn(cache, follower, { first, signal });
  await first.promise;
}

interface Following {
  readonly first: PromiseWithResolvers<void>;
  readonly signal: AbortSignal;
}

/** Never rejects. */
async function followOn(cache: WatchCache, follower: Follower, { first, signal }: Following): Promise<void> {
  let hasBegun = false;
  void first.promise.then(
    () => {
      hasBegun = true;
    },
    () => undefined,
  );
  while (!signal.aborted) {
    try {
      await followOnce(cache, follower, { first, signal });
      return;
    } catch (error) {
      if (!hasBegun) return first.reject(error);
      follower.onLost(error);
    }
    // Only an abort rejects, and then the loop ends.
    await setTimeout(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Resolves when the signal is aborted; rejects when the watch ends. */
async function followOnce(cache: WatchCache, follower: Follower, { first, signal }: Following): Promise<void> {
  const initial: KubeObject[] = [];
  let isInitial = true;
  const end = Promise.withResolvers<void>();
  const onEvent = (event: CacheEvent): boolean => {
    if (event.type === "BOOKMARK") {
      if (event.endsInitialEvents) {
        isInitial = false;
        follower.onInitialEnd(initial);
        first.resolve();
      }
    } else if (event.type === "DELETED") {
      follower.onGone(event.object);
    } else {
      if (isInitial) initial.push(event.object);
      follower.onObject(event.object);
    }
    if (!isInitial) follower.onRevision(event.revision);
    return true;
  };
  const request = {
    namespace: undefined,
    selector: () => true,
    after: undefined,
    marksInitialEvents: true,
    wantsBookmarks: true,
  };
  using _subscription = await cache.watch(request, { onEvent, onEnd: end.reject }, signal);
  const stop = () => end.resolve();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await end.promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
