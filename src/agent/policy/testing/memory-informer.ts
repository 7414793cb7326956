/** An informer whose objects come from this process: what a watch would say arrives with the call of `set`. */
import type { KubeObject } from "#api/kind.ts";
import type { Informer, InformerHandlers } from "#api-client/informer.ts";

export interface MemoryInformer<O extends KubeObject> extends Informer<O> {
  set(object: O): void;
}

export function createMemoryInformer<O extends KubeObject>(objects: readonly O[]): MemoryInformer<O> {
  const known = new Map(objects.map((object) => [keyOf(object.metadata), object]));
  const subscribers = new Set<InformerHandlers<O>>();
  return {
    synced: Promise.resolve(),
    hasSynced: () => true,
    get: (namespace, name) => known.get(keyOf({ namespace, name })),
    list: (namespace) =>
      [...known.values()].filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
    byIndex: () => [],
    subscribe(handlers) {
      for (const object of known.values()) handlers.onAdd?.(object);
      subscribers.add(handlers);
      return { [Symbol.dispose]: () => void subscribers.delete(handlers) };
    },
    set(object) {
      const key = keyOf(object.metadata);
      const old = known.get(key);
      known.set(key, object);
      for (const each of subscribers) {
        if (old === undefined) each.onAdd?.(object);
        else each.onUpdate?.(object, old);
      }
    },
    async [Symbol.asyncDispose]() {
      subscribers.clear();
    },
  };
}

function keyOf(name: { readonly namespace?: string | undefined; readonly name?: string | undefined }): string {
  return `${name.namespace ?? ""}/${name.name ?? ""}`;
}
