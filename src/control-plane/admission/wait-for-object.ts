/** Waits for an object that somebody is about to make. */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { asKind } from "../resources/stored-object.ts";
import type { ObjectPlace } from "./find-object.ts";

/** The object, as soon as it is there; undefined when it is not in time. Rejects when the signal is aborted. */
export async function waitForObject<O extends KubeObject>(
  caches: (kind: Kind) => WatchCache,
  { kind, namespace, name }: ObjectPlace<O>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<O | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<KubeObject | undefined>();
  const timer = setTimeout(resolve, timeoutMs, undefined);
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  // Handled even when the watch below fails first.
  promise.catch(() => undefined);
  try {
    using _watch = await caches(kind).watch(
      {
        namespace,
        selector: ({ metadata }) => metadata.name === name,
        after: undefined,
        marksInitialEvents: false,
        wantsBookmarks: false,
      },
      {
        onEvent(event) {
          if (event.type === "ADDED" || event.type === "MODIFIED") resolve(event.object);
          return true;
        },
        onEnd: reject,
      },
      signal,
    );
    const found = await promise;
    return found === undefined ? undefined : asKind(kind, found);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
