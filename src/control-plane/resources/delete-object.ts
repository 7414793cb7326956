/** DELETE of one object, and of all that selectors find. */
import { isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { isStoreError } from "../store/store.ts";
import { planList } from "./list-options.ts";
import { readCurrent } from "./place.ts";
import { checkPreconditions, orphansByDefault, planDelete } from "./plan-delete.ts";
import type { DeleteOptions, DeleteOutcome, ListOptions, ObjectList, RequestContext, Target } from "./resource-api.ts";
import type { ResourceDeps } from "./resource-deps.ts";
import { writeOver } from "./update-object.ts";

const ORPHAN_WARNING =
  "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning";

export async function deleteObject(
  deps: ResourceDeps,
  target: Target,
  options: DeleteOptions,
  context: RequestContext,
): Promise<DeleteOutcome> {
  if (options.propagationPolicy === undefined && orphansByDefault(target.kind)) context.warn(ORPHAN_WARNING);
  // As in updateObject: each further turn needs a writer that was faster.
  for (;;) {
    context.signal.throwIfAborted();
    const current = await readCurrent(deps, target, context);
    checkPreconditions({ kind: target.kind, current, options, now: deps.clock() });
    await deps.admission.admit({ operation: "delete", target, object: current, old: current, context });
    try {
      return await deleteOnce(deps, { target, options, context, current });
    } catch (error) {
      if (!isStoreError(error, "conflict")) throw error;
    }
  }
}

interface DeleteStep {
  readonly target: Target;
  readonly options: DeleteOptions;
  readonly context: RequestContext;
  readonly current: KubeObject;
}

/** Rejects with StoreError `conflict` when `current` is not the newest any more. */
async function deleteOnce(deps: ResourceDeps, step: DeleteStep): Promise<DeleteOutcome> {
  const { target, options, context, current } = step;
  const now = deps.clock();
  const isFirst = current.metadata.deletionTimestamp === undefined;
  const found = isFirst ? (target.kind.prepareForDelete?.(current, now) ?? current) : current;
  const plan = planDelete({ kind: target.kind, current: found, options, now });
  if (plan.type === "wait") return { type: "pending", object: current };
  const next = plan.type === "mark" ? plan.next : undefined;
  if (context.isDryRun)
    return next === undefined ? { type: "deleted", object: current } : { type: "pending", object: next };
  const written = await writeOver(deps, target, context, { current, next });
  return next === undefined ? { type: "deleted", object: current } : { type: "pending", object: written };
}

/** Deletes one after the other; what is gone meanwhile is no error. Gives the objects as they were found. */
export async function deleteCollection(
  deps: ResourceDeps,
  target: Target,
  options: DeleteOptions & ListOptions,
  context: RequestContext,
): Promise<ObjectList> {
  const { objects, revision } = await deps.caches(target.kind).list(planList(target, options), context.signal);
  for (const { metadata } of objects) {
    const one: Target = { ...target, namespace: metadata.namespace, name: metadata.name };
    try {
      await deleteObject(deps, one, options, context);
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
    }
  }
  return { items: objects, metadata: { resourceVersion: String(revision) } };
}
