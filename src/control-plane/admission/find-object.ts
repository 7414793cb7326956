/** What admission rules ask for by name. */
import type { Kind, KubeObject } from "#api/kind.ts";
import type { WatchCache } from "../cache/watch-cache.ts";
import { asKind } from "../resources/stored-object.ts";

export interface ObjectPlace<O> {
  readonly kind: Kind<O>;
  /** undefined for kinds of the whole cluster. */
  readonly namespace: string | undefined;
  readonly name: string;
}

/** From the cache's memory where it is there; what seems to be missing is looked up in the store. */
export async function findObject<O extends KubeObject>(
  caches: (kind: Kind) => WatchCache,
  { kind, namespace, name }: ObjectPlace<O>,
  signal: AbortSignal,
): Promise<O | undefined> {
  const cache = caches(kind);
  const known = await cache.get(namespace, name, "any", signal);
  const object = known ?? (await cache.get(namespace, name, "latest", signal));
  return object === undefined ? undefined : asKind(kind, object);
}
