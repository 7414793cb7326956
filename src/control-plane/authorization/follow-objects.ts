/** Feeds a kind's objects from its cache into something that keeps a picture of them, for as long as the signal lasts. */
import type { Kind, KubeObject } from "#api/kind.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { followCache } from "../allocation/follow-cache.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { asKind } from "../resources/stored-object.ts";
import type { ObjectSink } from "./rbac-index.ts";

export interface FollowObjects<O extends KubeObject> {
  readonly cache: WatchCache;
  readonly kind: Kind<O>;
  readonly sink: ObjectSink<O>;
  /** The watch ended and is begun anew: until then the picture may be old. */
  onLost(error: unknown): void;
}

/** Resolves when everything that is there has been told. */
export async function followObjects<O extends KubeObject>(
  { cache, kind, sink, onLost }: FollowObjects<O>,
  signal: AbortSignal,
): Promise<void> {
  let known = new Map<string, O>();
  const follower = {
    onObject(object: KubeObject) {
      const typed = asKind(kind, object);
      known.set(keyOf(object), typed);
      sink.put(typed);
    },
    onGone(object: KubeObject) {
      known.delete(keyOf(object));
      sink.remove(asKind(kind, object));
    },
    onInitialEnd(objects: readonly KubeObject[]) {
      const present = new Map(objects.map((object) => [keyOf(object), asKind(kind, object)]));
      for (const [key, object] of known) if (!present.has(key)) sink.remove(object);
      known = present;
    },
    onRevision: () => undefined,
    onLost,
  };
  await followCache(cache, follower, signal);
}
