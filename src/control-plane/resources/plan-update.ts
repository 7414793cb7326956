/**
 * What becomes of an object when a client wants another: which part of its wish counts, and what the server keeps.
 * Source: Kubernetes API conventions, "Spec and Status", "Metadata"; ObjectMeta on generation and deletionTimestamp.
 */
import { conflictError, invalidError, MODIFIED } from "#api/api-error.ts";
import type { Kind, KindNames, KubeObject } from "#api/kind.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { keepsGeneration } from "./plan-create.ts";
import { asJson } from "./stored-object.ts";

/** What a write may change beside the metadata. "all" is for subresources that say exactly what they change. */
export type WrittenPart = "spec" | "status" | "all";

export interface UpdatePlan {
  readonly kind: Pick<Kind, "hasStatus" | "isCustom" | keyof KindNames>;
  readonly current: KubeObject;
  /** Decoded; of its metadata anything may be missing or wrong. */
  readonly desired: KubeObject;
  readonly part: WrittenPart;
}

/** Throws a 409 when the object is not the one that the client has seen. An absent resourceVersion means any. */
export function checkVersion({ kind, current, desired }: UpdatePlan): void {
  const { resourceVersion = "" } = desired.metadata;
  if (resourceVersion === "" || resourceVersion === "0" || resourceVersion === current.metadata.resourceVersion) return;
  throw conflictError(kind, current.metadata.name ?? "", MODIFIED);
}

/** Kinds that are never written over blindly; custom resources are not, either. */
const CONDITIONAL_ONLY: ReadonlySet<string> = new Set([
  "apiextensions.k8s.io/customresourcedefinitions",
  "coordination.k8s.io/leases",
  "policy/poddisruptionbudgets",
]);

/** For PUT. Throws a 422 when the kind needs a resourceVersion and there is none. */
export function checkHasVersion({ kind, desired }: Pick<UpdatePlan, "kind" | "desired">): void {
  const { name = "", resourceVersion = "" } = desired.metadata;
  if (resourceVersion !== "" && resourceVersion !== "0") return;
  if (kind.isCustom !== true && !CONDITIONAL_ONLY.has(`${kind.group}/${kind.plural}`)) return;
  const problem = {
    field: "metadata.resourceVersion",
    reason: "FieldValueInvalid",
    message: "Invalid value: 0x0: must be specified for an update",
  } as const;
  throw invalidError(kind, name, [problem]);
}

/** For PUT, where a uid in the body is a precondition; everywhere else a changed uid is invalid. */
export function checkUid({ kind, current, desired }: UpdatePlan): void {
  const { uid = "" } = desired.metadata;
  if (uid === "" || uid === current.metadata.uid) return;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
  throw conflictError(kind, current.metadata.name ?? "", why);
}

/** The wish with everything that this path does not write taken from the current object. */
export function planUpdate({ kind, current, desired, part }: UpdatePlan): KubeObject {
  const { managedFields } = desired.metadata;
  const wished =
    part === "status" && kind.isCustom === true ? { ...current.metadata, managedFields } : desired.metadata;
  const metadata = keptMetadata(current.metadata, wished);
  if (part === "all" || !kind.hasStatus) return { ...desired, metadata };
  const { status: newStatus, ...newRest } = desired;
  const { status: oldStatus, ...oldRest } = current;
  const [rest, status] = part === "status" ? [oldRest, newStatus] : [newRest, oldStatus];
  return { ...rest, metadata, ...(status !== undefined && { status }) };
}

/** What a client cannot change comes from the current object, even where the wish leaves it out. */
function keptMetadata(current: ObjectMeta, desired: ObjectMeta): ObjectMeta {
  const { selfLink, uid, creationTimestamp, resourceVersion, generation, ...wished } = desired;
  const isDeleting = current.deletionTimestamp !== undefined;
  return {
    ...wished,
    uid: uid === undefined || uid === "" ? current.uid : uid,
    creationTimestamp: current.creationTimestamp,
    resourceVersion: current.resourceVersion,
    ...(current.generation !== undefined && { generation: current.generation }),
    ...(isDeleting && { deletionTimestamp: current.deletionTimestamp }),
    ...(isDeleting &&
      current.deletionGracePeriodSeconds !== undefined && {
        deletionGracePeriodSeconds: current.deletionGracePeriodSeconds,
      }),
  };
}

/** Counts the change in metadata.generation, where the kind has one and something but metadata and status changed. */
export function countGeneration(
  kind: KindNames & { readonly hasStatus: boolean },
  next: KubeObject,
  current: KubeObject,
): KubeObject {
  if (!keepsGeneration(kind) || sameSpec(next, current, kind.hasStatus)) return next;
  return { ...next, metadata: { ...next.metadata, generation: (current.metadata.generation ?? 0) + 1 } };
}

function sameSpec(next: KubeObject, current: KubeObject, hasStatus: boolean): boolean {
  const a = asJson(next);
  const b = asJson(current);
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  names.delete("metadata");
  if (hasStatus) names.delete("status");
  for (const name of names) if (!jsonEqual(a[name], b[name])) return false;
  return true;
}

/** True when nothing keeps an object any more that was asked to go: the write that brings it here removes it. */
export function isReadyToGo(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    finalizers.length === 0 &&
    deletionGracePeriodSeconds === 0 &&
    specFinalizers(object).length === 0
  );
}

/** Namespaces have a second list of finalizers, in their spec. */
export function specFinalizers(object: KubeObject): readonly unknown[] {
  if (object.kind !== "Namespace" || object.apiVersion !== "v1") return [];
  const { spec } = object;
  const finalizers = typeof spec === "object" && spec !== null && "finalizers" in spec ? spec.finalizers : undefined;
  return Array.isArray(finalizers) ? finalizers : [];
}
