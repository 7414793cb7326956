/** The objects of a kind that no controller manages: few, and each may be adopted by an owner whose selector it matches. */
import type { KubeObject } from "#api/kind.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { controllerOf } from "./controller-reference.ts";

export interface Orphans<D> extends Disposable {
  of(namespace: string | undefined): readonly D[];
}

export function followOrphans<D extends KubeObject>(informer: Pick<Informer<D>, "subscribe">): Orphans<D> {
  const byNamespace = new Map<string, Map<string, D>>();

  function put(object: D): void {
    if (controllerOf(object) !== undefined) {
      drop(object);
      return;
    }
    const { namespace = "" } = object.metadata;
    const inNamespace = byNamespace.get(namespace) ?? new Map<string, D>();
    byNamespace.set(namespace, inNamespace.set(keyOf(object), object));
  }

  function drop(object: D): void {
    const { namespace = "" } = object.metadata;
    const inNamespace = byNamespace.get(namespace);
    inNamespace?.delete(keyOf(object));
    if (inNamespace?.size === 0) byNamespace.delete(namespace);
  }

  const subscription = informer.subscribe({ onAdd: put, onUpdate: put, onDelete: drop });
  return {
    of: (namespace = "") => [...(byNamespace.get(namespace)?.values() ?? [])],
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}
