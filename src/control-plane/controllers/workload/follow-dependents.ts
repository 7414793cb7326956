/**
 * Tells a controller which of its owners to look at when a dependent changes: the one it belongs to, the one it
 * belonged to before, and for an object of nobody every owner that would take it.
 */
import type { KindNames, KubeObject } from "#api/kind.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import type { Informer } from "#api-client/informer.ts";
import { keyOf } from "#api-client/object-cache.ts";
import { controllerOf } from "./controller-reference.ts";
import { isTerminating } from "./pod-state.ts";

export interface FollowedDependents<O extends KubeObject, D extends KubeObject> {
  readonly ownerKind: KindNames;
  readonly owners: Pick<Informer<O>, "get" | "list">;
  readonly dependents: Pick<Informer<D>, "subscribe">;
  /** Whether the owner would take the object, which belongs to nobody. */
  wouldAdopt(owner: O, object: D): boolean;
  onChange(key: string, owner: O, object: D): void;
  /** Every event of its kind, before `onChange`: for expectations. */
  onCreated?(key: string): void;
  /** Gone, or marked for deletion. */
  onDeleted?(key: string, uid: string): void;
}

export function followDependents<O extends KubeObject, D extends KubeObject>(
  followed: FollowedDependents<O, D>,
): Disposable {
  const { ownerKind, owners, dependents, wouldAdopt, onChange, onCreated, onDeleted } = followed;

  function findOwner(object: D): O | undefined {
    const reference = controllerOf(object);
    if (reference?.kind !== ownerKind.kind || !isGroup(reference.apiVersion, ownerKind)) return undefined;
    const owner = owners.get(object.metadata.namespace, reference.name);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  function tellOwner(object: D): void {
    const owner = findOwner(object);
    if (owner !== undefined) onChange(keyOf(owner), owner, object);
  }

  function tellAdopters(object: D): void {
    if (isTerminating(object)) return;
    for (const owner of owners.list(object.metadata.namespace)) {
      if (wouldAdopt(owner, object)) onChange(keyOf(owner), owner, object);
    }
  }

  function tellDeleted(object: D): void {
    const owner = findOwner(object);
    if (owner !== undefined) onDeleted?.(keyOf(owner), object.metadata.uid ?? "");
  }

  return dependents.subscribe({
    onAdd(object) {
      if (isTerminating(object)) tellDeleted(object);
      else {
        const owner = findOwner(object);
        if (owner !== undefined) onCreated?.(keyOf(owner));
      }
      if (controllerOf(object) === undefined) tellAdopters(object);
      else tellOwner(object);
    },
    onUpdate(object, old) {
      // A watch that was resumed may leave out that another object took the name.
      if (object.metadata.uid !== old.metadata.uid) {
        tellDeleted(old);
        tellOwner(old);
        const owner = findOwner(object);
        if (owner !== undefined) onCreated?.(keyOf(owner));
      } else if (isTerminating(object)) tellDeleted(object);
      const isMoved = controllerOf(object)?.uid !== controllerOf(old)?.uid;
      if (isMoved) tellOwner(old);
      if (controllerOf(object) !== undefined) tellOwner(object);
      else if (isMoved || !jsonEqual(object.metadata.labels, old.metadata.labels)) tellAdopters(object);
    },
    onDelete(object) {
      tellDeleted(object);
      tellOwner(object);
    },
  });
}

function isGroup(apiVersion: string, { group }: KindNames): boolean {
  const slash = apiVersion.indexOf("/");
  return (slash === -1 ? "" : apiVersion.slice(0, slash)) === group;
}
