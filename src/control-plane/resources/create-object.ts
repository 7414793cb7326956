/**
 * Creating: decode, complete, admit, reserve, validate, write. A name that is made from generateName and turns out to
 * be taken is made again.
 */
import { randomUUID } from "node:crypto";
import { alreadyExistsError, invalidError, isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { trackUpdate } from "#api/patch/apply/track-update.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import type { JsonValue } from "#base/json.ts";
import { isStoreError, type Revision } from "../store/store.ts";
import { generateName, NAME_ATTEMPTS, noUniqueNameError } from "./generate-name.ts";
import { findCurrent, ttlSecondsOf } from "./place.ts";
import { planCreate } from "./plan-create.ts";
import { inNamespace, readObject } from "./read-body.ts";
import type { RequestContext, Target } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { apiErrorOf } from "./store-failure.ts";
import { withMetadata } from "./stored-object.ts";
import { writeReserved } from "./write-reserved.ts";

export async function createObject(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<KubeObject> {
  const object = inNamespace(readObject(target.kind, body, context), target);
  return await insertObject(deps, { target, object, isTracked: false, context });
}

export interface Insertion {
  readonly target: Target;
  /** Decoded, in its namespace; nothing else has been done to it. */
  readonly object: KubeObject;
  /** True when its managedFields are already as they should be: server-side apply keeps them itself. */
  readonly isTracked: boolean;
  readonly context: RequestContext;
}

export async function insertObject(deps: ResourceDeps, insertion: Insertion): Promise<KubeObject> {
  const { target, context } = insertion;
  const { kind } = target;
  const planned = planCreate({ kind, object: insertion.object, uid: randomUUID(), now: deps.clock() });
  const defaulted = applyDefaults(kind, planned);
  const admitted = await deps.admission.admit({
    operation: "create",
    target,
    object: defaulted,
    old: undefined,
    context,
  });
  const { name = "", generateName: prefix = "" } = admitted.metadata;
  if (name !== "" || prefix === "") return await insertOnce(deps, insertion, admitted);
  for (let attempt = 1; ; attempt += 1) {
    const made = generateName(prefix, deps.random);
    try {
      return await insertOnce(deps, insertion, withMetadata(admitted, { name: made }));
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
      if (attempt >= NAME_ATTEMPTS) throw noUniqueNameError(kind, made);
    }
  }
}

async function insertOnce(deps: ResourceDeps, insertion: Insertion, object: KubeObject): Promise<KubeObject> {
  const { kind } = insertion.target;
  const prepared = kind.prepareForCreate?.(object) ?? object;
  if (!deps.reservations.handles(kind)) return await writeNew(deps, insertion, completeNew(deps, insertion, prepared));
  return await writeReserved(deps, {
    next: prepared,
    old: undefined,
    context: insertion.context,
    write: async (reserved, unchangedSince) =>
      await writeNew(deps, insertion, completeNew(deps, insertion, reserved), unchangedSince),
  });
}

/** With all that the server sets, validated. */
function completeNew(deps: ResourceDeps, { target, isTracked, context }: Insertion, object: KubeObject): KubeObject {
  const { kind } = target;
  const { fieldManager } = context;
  const tracked = isTracked
    ? object
    : trackUpdate(kind, undefined, object, { fieldManager, now: deps.clock(), subresource: "" });
  const errors = validateObject(kind, tracked);
  if (errors.length > 0) throw invalidError(kind, tracked.metadata.name ?? "", errors);
  for (const text of kind.warnings?.(tracked, undefined) ?? []) context.warn(text);
  return tracked;
}

async function writeNew(
  deps: ResourceDeps,
  { target, context }: Insertion,
  object: KubeObject,
  unchangedSince?: Revision,
): Promise<KubeObject> {
  const { kind, namespace } = target;
  const { name = "" } = object.metadata;
  const { isDryRun, fence, signal } = context;
  if (isDryRun) {
    const existing = await findCurrent(deps, { ...target, name }, context);
    if (existing !== undefined) throw alreadyExistsError(kind, name);
    return object;
  }
  const ttlSeconds = ttlSecondsOf(kind);
  try {
    return await deps.caches(kind).write(
      {
        namespace,
        name,
        next: object,
        expected: 0,
        ...(ttlSeconds !== undefined && { ttlSeconds }),
        ...(fence !== undefined && { fence }),
        ...(unchangedSince !== undefined && { unchangedSince }),
      },
      signal,
    );
  } catch (error) {
    if (isStoreError(error, "conflict")) throw alreadyExistsError(kind, name);
    if (isStoreError(error, "changed")) throw error;
    throw apiErrorOf(error, { kind, name });
  }
}
