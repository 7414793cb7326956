/** Deletes all objects of a custom kind, through the API so that finalizers count, and waits until they are gone. */
import type { Kind } from "#api/kind.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { serverContext } from "../ensure-bootstrap-objects.ts";
import type { ResourceApi } from "../resources/resource-api.ts";

export interface DeleteInstancesDeps {
  readonly resourceApi: ResourceApi;
  /** Of the kind. */
  readonly cache: WatchCache;
  readonly kind: Kind;
}

/** How long finalizers of objects may take before it is tried again. */
const DEADLINE_MS = 60_000;

/** Resolves when there is none; rejects when there still are some at the deadline. */
export async function deleteInstances(
  { resourceApi, cache, kind }: DeleteInstancesDeps,
  signal: AbortSignal,
): Promise<void> {
  const all = { kind, namespace: undefined, name: undefined, subresource: "" };
  await resourceApi.deleteCollection(all, {}, serverContext(signal));
  await untilEmpty(cache, signal);
}

async function untilEmpty(cache: WatchCache, signal: AbortSignal): Promise<void> {
  const done = Promise.withResolvers<void>();
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const stop = AbortSignal.any([signal, deadline]);
  let count = 0;
  let isInitial = true;
  const request = {
    namespace: undefined,
    selector: () => true,
    after: undefined,
    marksInitialEvents: true,
    wantsBookmarks: false,
  };
  const watcher = {
    onEvent(event: { readonly type: string }) {
      if (event.type === "ADDED") count += 1;
      if (event.type === "DELETED") count -= 1;
      if (event.type === "BOOKMARK") isInitial = false;
      if (!isInitial && count === 0) done.resolve();
      return true;
    },
    onEnd: done.reject,
  };
  using _watch = await cache.watch(request, watcher, stop);
  const onStop = () => {
    done.reject(deadline.aborted ? new Error(`Cannot delete all objects in time: ${count} are left`) : signal.reason);
  };
  stop.addEventListener("abort", onStop, { once: true });
  try {
    await done.promise;
  } finally {
    stop.removeEventListener("abort", onStop);
  }
}
