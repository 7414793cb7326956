/**
 * Changing an object that is there: compare, plan, admit, validate, write; and again with the object as it is then,
 * when somebody else was faster and the client did not insist on the version that it has seen.
 */
import { invalidError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { trackUpdate } from "#api/patch/apply/track-update.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { validateObject, validateObjectUpdate } from "#api/schema/validate.ts";
import type { JsonValue } from "#base/json.ts";
import { isStoreError, type Revision } from "../store/store.ts";
import { nameOf, readCurrent, ttlSecondsOf } from "./place.ts";
import {
  checkHasVersion,
  checkUid,
  checkVersion,
  countGeneration,
  isReadyToGo,
  planUpdate,
  type WrittenPart,
} from "./plan-update.ts";
import { checkName, inNamespace, readObject } from "./read-body.ts";
import type { RequestContext, Target, WriteOutcome } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { asJson, revisionOf } from "./stored-object.ts";
import { writeReserved } from "./write-reserved.ts";

export interface Update {
  readonly target: Target;
  readonly part: WrittenPart;
  /** True when the wish carries its managedFields already: server-side apply keeps them itself. */
  readonly isTracked: boolean;
  /** What the client wants of the object as it is now, decoded. Called again after each lost race. */
  desired(current: KubeObject): KubeObject;
  readonly context: RequestContext;
}

/** PUT. */
export async function replaceObject(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<WriteOutcome> {
  const { kind } = target;
  const desired = inNamespace(readObject(kind, body, context), target);
  checkName(desired, nameOf(target));
  checkHasVersion({ kind, desired });
  const part = target.subresource === "status" ? "status" : "spec";
  const object = await updateObject(deps, {
    target,
    part,
    isTracked: false,
    desired(current) {
      checkUid({ kind, current, desired, part });
      return desired;
    },
    context,
  });
  return { object, isNew: false };
}

/** Rejects with a 404 when there is no such object. Gives it as it is stored, or as it was when this removed it. */
export async function updateObject(deps: ResourceDeps, update: Update): Promise<KubeObject> {
  const { target, context } = update;
  // Each turn needs a writer that was faster, so that somebody always gets on.
  for (;;) {
    context.signal.throwIfAborted();
    const current = await readCurrent(deps, target, context);
    try {
      return await updateOnce(deps, update, current);
    } catch (error) {
      if (!isStoreError(error, "conflict")) throw error;
    }
  }
}

/** Rejects with StoreError `conflict` when `current` is not the newest any more. */
export async function updateOnce(deps: ResourceDeps, update: Update, current: KubeObject): Promise<KubeObject> {
  const { target, part, context } = update;
  const { kind } = target;
  const desired = update.desired(current);
  checkVersion({ kind, current, desired, part });
  const wanted = applyDefaults(kind, planUpdate({ kind, current, desired, part }));
  const prepared = part === "spec" ? (kind.prepareForUpdate?.(wanted, current) ?? wanted) : wanted;
  const admitted = await deps.admission.admit({
    operation: "update",
    target,
    object: prepared,
    old: current,
    context,
  });
  if (!deps.reservations.handles(kind) || part === "status") {
    return await writeChanged(deps, update, { current, next: completeChanged(deps, update, current, admitted) });
  }
  return await writeReserved(deps, {
    next: admitted,
    old: current,
    context,
    async write(reserved, unchangedSince) {
      const next = completeChanged(deps, update, current, reserved);
      return await writeChanged(deps, update, { current, next, unchangedSince });
    },
  });
}

/** With all that the server keeps, validated. */
function completeChanged(deps: ResourceDeps, update: Update, current: KubeObject, wanted: KubeObject): KubeObject {
  const { target, part, isTracked, context } = update;
  const { kind, subresource } = target;
  const counted = part === "status" ? wanted : countGeneration(kind, wanted, current);
  const { fieldManager } = context;
  const next = isTracked
    ? counted
    : trackUpdate(kind, current, counted, { fieldManager, now: deps.clock(), subresource });
  const errors = [...validateObject(kind, next), ...validateObjectUpdate(kind, next, current, subresource)];
  if (errors.length > 0) throw invalidError(kind, nameOf(target), errors);
  for (const text of kind.warnings?.(next, current) ?? []) context.warn(text);
  return next;
}

interface ChangedObject {
  readonly current: KubeObject;
  readonly next: KubeObject;
  readonly unchangedSince?: Revision | undefined;
}

async function writeChanged(
  deps: ResourceDeps,
  { target, context }: Update,
  { current, next, unchangedSince }: ChangedObject,
): Promise<KubeObject> {
  if (jsonEqual(asJson(next), asJson(current))) return current;
  if (context.isDryRun) return next;
  const removes = isReadyToGo(next);
  const written = await writeOver(deps, target, context, {
    current,
    next: removes ? undefined : next,
    unchangedSince,
  });
  return removes ? next : written;
}

/** Writes over the current object, or removes it; rejects with StoreError. */
export async function writeOver(
  { caches }: Pick<ResourceDeps, "caches">,
  { kind, namespace, name }: Target,
  { fence, signal }: Pick<RequestContext, "fence" | "signal">,
  { current, next, unchangedSince }: Omit<ChangedObject, "next"> & { readonly next: KubeObject | undefined },
): Promise<KubeObject> {
  const ttlSeconds = next === undefined ? undefined : ttlSecondsOf(kind);
  return await caches(kind).write(
    {
      namespace,
      name: name ?? "",
      next,
      expected: revisionOf(current),
      ...(ttlSeconds !== undefined && { ttlSeconds }),
      ...(fence !== undefined && { fence }),
      ...(unchangedSince !== undefined && { unchangedSince }),
    },
    signal,
  );
}
