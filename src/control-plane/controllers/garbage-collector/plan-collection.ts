/**
 * What becomes of one object, given its owners and those that it owns. Source: Kubernetes documentation, "Garbage
 * Collection" (foreground, background and orphaned dependents) and "Owners and Dependents".
 */
import type { KubeObject } from "#api/kind.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from "../../resources/plan-delete.ts";

export type OwnerState =
  /** It is there. */
  | "present"
  /** It is certainly gone. */
  | "absent"
  /** It is being deleted in the foreground: its dependents go first. */
  | "deletingDependents"
  /** Nobody can tell: its kind is not known, or it cannot be an owner of this object at all. */
  | "unknown";

export interface OwnedObject {
  readonly object: KubeObject;
  /** States of its owner references, in their order. */
  readonly owners: readonly OwnerState[];
  readonly dependents: readonly KubeObject[];
}

export type CollectionPlan =
  | { readonly type: "none" }
  /** Takes the reference to this object out of its dependents, and then the orphan finalizer out of this. */
  | { readonly type: "orphan"; readonly dependents: readonly KubeObject[] }
  /** Lets this object go: nothing that blocks its deletion is left. */
  | { readonly type: "finish" }
  /** Looks at these dependents, which have to go first. */
  | { readonly type: "wait"; readonly dependents: readonly KubeObject[] }
  /** Keeps only these references: the others lead nowhere any more. */
  | { readonly type: "keepReferences"; readonly references: readonly OwnerReference[] }
  | {
      readonly type: "delete";
      readonly propagationPolicy: "Orphan" | "Background" | "Foreground";
      /** In a circle of objects that wait for each other, this one stops blocking. */
      readonly unblocked: readonly OwnerReference[] | undefined;
    };

export function planCollection({ object, owners, dependents }: OwnedObject): CollectionPlan {
  const { deletionTimestamp, ownerReferences = [], uid } = object.metadata;
  if (deletionTimestamp !== undefined) return planDeleting(object, dependents);
  if (ownerReferences.length === 0) return { type: "none" };
  const isKept = (state: OwnerState | undefined) => state === "present" || state === "unknown";
  if (owners.some(isKept)) {
    const references = ownerReferences.filter((_, index) => isKept(owners[index]));
    return references.length === ownerReferences.length ? { type: "none" } : { type: "keepReferences", references };
  }
  if (owners.includes("deletingDependents") && dependents.length > 0) {
    const isCircle = dependents.some(isDeletingDependents);
    const unblocked = ownerReferences.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
    const isBlocking = ownerReferences.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true);
    return {
      type: "delete",
      propagationPolicy: "Foreground",
      unblocked: isCircle && isBlocking && uid !== undefined ? unblocked : undefined,
    };
  }
  return { type: "delete", propagationPolicy: policyOf(object), unblocked: undefined };
}

/** Whoever put such a finalizer there meant it for the deletion. */
function policyOf(object: KubeObject) {
  if (hasFinalizer(object, ORPHAN_FINALIZER)) return "Orphan";
  return hasFinalizer(object, FOREGROUND_FINALIZER) ? "Foreground" : "Background";
}

function planDeleting(object: KubeObject, dependents: readonly KubeObject[]): CollectionPlan {
  if (hasFinalizer(object, ORPHAN_FINALIZER)) return { type: "orphan", dependents };
  if (!hasFinalizer(object, FOREGROUND_FINALIZER)) return { type: "none" };
  const blocking = dependents.filter((dependent) => isBlocking(dependent, object));
  if (blocking.length === 0) return { type: "finish" };
  return { type: "wait", dependents: blocking.filter((dependent) => !isDeletingDependents(dependent)) };
}

function isBlocking(dependent: KubeObject, owner: KubeObject): boolean {
  return (dependent.metadata.ownerReferences ?? []).some(
    ({ uid, blockOwnerDeletion }) => uid === owner.metadata.uid && blockOwnerDeletion === true,
  );
}

export function isDeletingDependents(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined && hasFinalizer(object, FOREGROUND_FINALIZER);
}

/** Whether the collector has to do with its deletion. */
export function isCollected(object: KubeObject): boolean {
  const { deletionTimestamp } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    (hasFinalizer(object, FOREGROUND_FINALIZER) || hasFinalizer(object, ORPHAN_FINALIZER))
  );
}

function hasFinalizer({ metadata }: KubeObject, name: string): boolean {
  return (metadata.finalizers ?? []).includes(name);
}

export function referencesWithout({ metadata }: KubeObject, uid: string): readonly OwnerReference[] {
  return (metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid);
}
