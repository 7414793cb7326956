/** pods/eviction: a deletion that asks the disruption budgets first. `kubectl drain` uses it. */
import { ApiError, badRequestError, isApiError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { eviction } from "#api/kinds/eviction.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { type PodDisruptionBudget, podDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import { labelSelectorMatcher } from "#api/selectors/label-selector.ts";
import type { JsonValue } from "#base/json.ts";
import { deleteObject } from "../delete-object.ts";
import { nameOf, readCurrent } from "../place.ts";
import { inNamespace, readObject } from "../read-body.ts";
import type { DeleteOptions, RequestContext, Target } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asKind } from "../stored-object.ts";
import { updateObject } from "../update-object.ts";
import { isBeyondBudget, needsNoBudget, planDisruption, stillProcessedError } from "./plan-eviction.ts";
import { withCondition } from "./pod-conditions.ts";
import { successStatus } from "./success-status.ts";

export async function evictPod(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<KubeObject> {
  const wanted = inNamespace(readObject(eviction, body, context), target);
  if (wanted.metadata.name !== nameOf(target)) {
    throw badRequestError("name in URL does not match name in Eviction object");
  }
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun = [] } = wanted.deleteOptions ?? {};
  const { uid, resourceVersion } = preconditions ?? {};
  const options: DeleteOptions = {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    preconditions: {
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
  await evict(deps, { target, options, context: dryRun.length > 0 ? { ...context, isDryRun: true } : context });
  return successStatus(201);
}

interface Eviction {
  readonly target: Target;
  readonly options: DeleteOptions;
  readonly context: RequestContext;
}

async function evict(deps: ResourceDeps, request: Eviction): Promise<void> {
  const { target, context } = request;
  const pod = asKind(podKind, await readCurrent(deps, target, context));
  if (needsNoBudget(pod)) {
    const isIdle = pod.status?.phase !== "Pending" || pod.metadata.deletionTimestamp !== undefined;
    await removePod(deps, request, isIdle ? undefined : pod);
    return;
  }
  const budget = await findBudget(deps, pod, request);
  if (budget !== undefined && isBeyondBudget(pod, budget)) {
    await removeUnready(deps, request, { pod, budget });
    return;
  }
  if (budget !== undefined) await takeFromBudget(deps, request, { pod, budget });
  await removePod(deps, request, undefined);
}

/** undefined when no budget covers the pod. */
async function findBudget(deps: ResourceDeps, pod: Pod, { target, context }: Eviction) {
  const { namespace } = target;
  const covers = (object: KubeObject) =>
    labelSelectorMatcher(asKind(podDisruptionBudget, object).spec.selector)(pod.metadata.labels);
  const request = { namespace, selector: covers, selectsAll: false, freshness: "latest" } as const;
  const { objects } = await deps.caches(podDisruptionBudget).list(request, context.signal);
  const [first, second] = objects;
  if (second !== undefined) throw severalBudgetsError();
  return first === undefined ? undefined : asKind(podDisruptionBudget, first);
}

function severalBudgetsError(): ApiError {
  return new ApiError({
    code: 500,
    reason: "InternalError",
    message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
  });
}

interface Covered {
  readonly pod: Pod;
  readonly budget: PodDisruptionBudget;
}

async function takeFromBudget(deps: ResourceDeps, { context }: Eviction, { pod, budget }: Covered): Promise<void> {
  const { namespace, name } = budget.metadata;
  await updateObject(deps, {
    target: { kind: podDisruptionBudget, namespace, name, subresource: "status" },
    part: "status",
    isTracked: true,
    desired: (current) => planDisruption(asKind(podDisruptionBudget, current), pod.metadata.name ?? "", deps.clock()),
    context,
  });
}

/** The pod must still be what it was when its budget was looked at. */
async function removeUnready(deps: ResourceDeps, request: Eviction, { pod, budget }: Covered): Promise<void> {
  try {
    await removePod(deps, request, pod);
  } catch (error) {
    const isOwnCondition = request.options.preconditions?.resourceVersion === undefined;
    if (isOwnCondition && isApiError(error, "Conflict")) throw stillProcessedError(budget.metadata.name ?? "");
    throw error;
  }
}

/** Marks the pod as disrupted and deletes it. `unchanged`: only as long as it is in this version. */
async function removePod(
  deps: ResourceDeps,
  { target, options, context }: Eviction,
  unchanged: Pod | undefined,
): Promise<void> {
  const expected = options.preconditions?.resourceVersion ?? unchanged?.metadata.resourceVersion;
  const { uid } = options.preconditions ?? {};
  const marked = await updateObject(deps, {
    target,
    part: "all",
    isTracked: true,
    desired: (current) => disrupted(asKind(podKind, current), { uid, expected, now: deps.clock() }),
    context,
  });
  const { resourceVersion } = marked.metadata;
  const isBound = expected !== undefined && resourceVersion !== undefined;
  const preconditions = { ...(uid !== undefined && { uid }), ...(isBound && { resourceVersion }) };
  await deleteObject(deps, { ...target, subresource: "" }, { ...options, preconditions }, context);
}

interface Disruption {
  readonly uid: string | undefined;
  readonly expected: string | undefined;
  readonly now: Date;
}

function disrupted(pod: Pod, { uid, expected, now }: Disruption): Pod {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
  } as const;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(uid !== undefined && { uid }),
      ...(expected !== undefined && { resourceVersion: expected }),
    },
    status: withCondition(pod.status, condition, now),
  };
}
