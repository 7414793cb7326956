/**
 * What a deletion does to an object now: removes it, marks it and waits for its finalizers or its grace period, or
 * nothing because it is marked already.
 * Source: Kubernetes documentation, "Finalizers", "Garbage Collection" (cascading deletion), "Pod Lifecycle"
 * (termination of pods).
 */
import { conflictError } from "#api/api-error.ts";
import type { KindNames, KubeObject } from "#api/kind.ts";
import { type Pod, pod } from "#api/kinds/pod/pod.ts";
import type { ObjectMeta } from "#api/meta/object-meta.ts";
import { isReadyToGo, specFinalizers } from "./plan-update.ts";
import type { DeleteOptions } from "./resource-api.ts";
import { asKind, timeText } from "./stored-object.ts";

export const ORPHAN_FINALIZER = "orphan";
export const FOREGROUND_FINALIZER = "foregroundDeletion";

export interface Deletion {
  readonly kind: KindNames;
  readonly current: KubeObject;
  readonly options: DeleteOptions;
  readonly now: Date;
}

export type DeletePlan =
  | { readonly type: "remove" }
  /** To be written; the object stays for now. */
  | { readonly type: "mark"; readonly next: KubeObject }
  /** It is on its way, and this request changes nothing. */
  | { readonly type: "wait" };

/** Throws a 409 when the object is another one than the client means. */
export function checkPreconditions({ kind, current, options }: Deletion): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = current;
  const fail = (why: string): never => {
    throw conflictError({ group: kind.group, plural: kind.kind }, metadata.name ?? "", why);
  };
  if (uid !== undefined && uid !== metadata.uid) {
    fail(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    fail(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

export function planDelete(deletion: Deletion): DeletePlan {
  const { current, now } = deletion;
  const { metadata } = current;
  const grace = planGrace(deletion);
  if (grace.type === "pending") return { type: "wait" };
  const finalizers = planFinalizers(deletion);
  const isKept = finalizers.length > 0 || specFinalizers(current).length > 0;
  if (!isKept && grace.seconds === 0) return { type: "remove" };
  const next = markDeleted(current, {
    ...(finalizers.length > 0 && { finalizers }),
    deletionTimestamp: timeText(grace.deleteAt ?? now),
    // Namespaces have no grace period at all.
    ...(!isNamespace(current) && { deletionGracePeriodSeconds: grace.seconds }),
  });
  const isSame =
    metadata.deletionTimestamp === next.metadata.deletionTimestamp &&
    metadata.deletionGracePeriodSeconds === next.metadata.deletionGracePeriodSeconds &&
    (metadata.finalizers ?? []).join() === finalizers.join();
  if (isSame) return isReadyToGo(current) ? { type: "remove" } : { type: "wait" };
  return { type: "mark", next };
}

type Grace =
  /** `deleteAt` undefined: now. */
  | { readonly type: "given"; readonly seconds: number; readonly deleteAt: Date | undefined }
  | { readonly type: "pending" };

/** Only pods have grace periods; a running one can only be made shorter. */
function planGrace({ current, options, now }: Deletion): Grace {
  const { deletionTimestamp, deletionGracePeriodSeconds: running = 0 } = current.metadata;
  const asked = notNegative(options.gracePeriodSeconds);
  if (deletionTimestamp === undefined) {
    const seconds = isPod(current) ? podGraceSeconds(asKind(pod, current), asked) : 0;
    return { type: "given", seconds, deleteAt: new Date(now.getTime() + seconds * 1000) };
  }
  const deleteAt = Date.parse(deletionTimestamp);
  if (!isPod(current) || running === 0) return { type: "given", seconds: 0, deleteAt: new Date(deleteAt) };
  if (asked === undefined || asked >= running) return { type: "pending" };
  return { type: "given", seconds: asked, deleteAt: new Date(deleteAt - (running - asked) * 1000) };
}

function podGraceSeconds({ spec, status }: Pod, asked: number | undefined): number {
  const isScheduled = spec.nodeName !== undefined && spec.nodeName !== "";
  const isFinished = status?.phase === "Failed" || status?.phase === "Succeeded";
  if (!isScheduled || isFinished) return 0;
  return asked ?? notNegative(spec.terminationGracePeriodSeconds) ?? 0;
}

/** A negative period means one second. */
function notNegative(seconds: number | undefined): number | undefined {
  return seconds !== undefined && seconds < 0 ? 1 : seconds;
}

/** The finalizers with those that the propagation policy asks for. */
function planFinalizers({ kind, current, options }: Deletion): readonly string[] {
  const { finalizers = [], deletionTimestamp } = current.metadata;
  const others = finalizers.filter((name) => name !== ORPHAN_FINALIZER && name !== FOREGROUND_FINALIZER);
  switch (options.propagationPolicy) {
    case "Orphan":
      return isEvent(kind) ? finalizers : [...others, ORPHAN_FINALIZER];
    case "Foreground":
      return isEvent(kind) ? finalizers : [...others, FOREGROUND_FINALIZER];
    case "Background":
      return others;
    default:
      if (others.length < finalizers.length) return finalizers;
      return orphansByDefault(kind) && deletionTimestamp === undefined ? [...others, ORPHAN_FINALIZER] : finalizers;
  }
}

/** Events have no dependents. */
function isEvent({ kind }: KindNames): boolean {
  return kind === "Event";
}

/** For compatibility with its first versions, a Job's pods stay unless the client says otherwise. */
export function orphansByDefault({ group, plural }: KindNames): boolean {
  return group === "batch" && plural === "jobs";
}

function markDeleted(current: KubeObject, changes: Partial<ObjectMeta>): KubeObject {
  const { generation, deletionTimestamp } = current.metadata;
  const isFirst = deletionTimestamp === undefined;
  const { finalizers: _replaced, ...rest } = current.metadata;
  const metadata: ObjectMeta = {
    ...rest,
    ...changes,
    ...(isFirst && generation !== undefined && { generation: generation + 1 }),
  };
  if (!isNamespace(current)) return { ...current, metadata };
  const { status } = current;
  return { ...current, metadata, status: { ...(typeof status === "object" && status), phase: "Terminating" } };
}

function isNamespace({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === "v1" && kind === "Namespace";
}

function isPod({ apiVersion, kind }: KubeObject): boolean {
  return apiVersion === "v1" && kind === "Pod";
}
