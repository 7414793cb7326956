/**
 * Whether a pod may be evicted now, by the disruption budget that covers it.
 * Source: Kubernetes documentation, "API-initiated Eviction" and "Disruptions"; the texts are the API server's.
 */
import { ApiError, forbiddenError } from "#api/api-error.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { type PodDisruptionBudget, podDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import { timeText } from "../stored-object.ts";
import { isReady } from "./pod-conditions.ts";

/** Pods that are evicted and not gone yet, of one budget. */
const MAX_DISRUPTED_PODS = 2000;
const RETRY_AFTER_SECONDS = 10;
const VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget.";

/** Pods that serve nobody are evicted whatever the budget says. */
export function needsNoBudget({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  const isIdle = phase === "Succeeded" || phase === "Failed" || phase === "Pending";
  return isIdle || metadata.deletionTimestamp !== undefined;
}

/** A pod that is not ready does not count for a budget that has what it needs, or that lets such pods go always. */
export function isBeyondBudget(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isReady(pod.status)) return false;
  if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** The budget with this eviction taken from it. Throws a 429 when it allows none. */
export function planDisruption(budget: PodDisruptionBudget, podName: string, now: Date): PodDisruptionBudget {
  const { metadata, status } = budget;
  const { name = "", generation = 0 } = metadata;
  // Nobody has looked at the budget yet.
  if (status === undefined) throw stillProcessedError(name);
  const { observedGeneration = 0, disruptionsAllowed = 0, disruptedPods = {} } = status;
  if (observedGeneration < generation) throw stillProcessedError(name);
  if (disruptionsAllowed < 0) {
    throw forbiddenError(podDisruptionBudget, name, "pdb disruptions allowed is negative");
  }
  if (Object.keys(disruptedPods).length > MAX_DISRUPTED_PODS) {
    const why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
    throw forbiddenError(podDisruptionBudget, name, why);
  }
  if (disruptionsAllowed === 0) throw tooManyError(describeNeed(budget), undefined);
  const allowed = disruptionsAllowed - 1;
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed,
      disruptedPods: { ...disruptedPods, [podName]: timeText(now) },
      ...(allowed === 0 && { conditions: insufficientPods(budget, now) }),
    },
  };
}

export function stillProcessedError(name: string): ApiError {
  return tooManyError(`The disruption budget ${name} is still being processed by the server.`, RETRY_AFTER_SECONDS);
}

function tooManyError(cause: string, retryAfterSeconds: number | undefined): ApiError {
  return new ApiError({
    code: 429,
    reason: "TooManyRequests",
    message: VIOLATES,
    details: {
      causes: [{ reason: "DisruptionBudget", message: cause }],
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    },
  });
}

function describeNeed({ metadata, status }: PodDisruptionBudget): string {
  const { desiredHealthy = 0, currentHealthy = 0, conditions = [] } = status ?? {};
  const failed = conditions.find(({ type, status: value }) => type === "DisruptionAllowed" && value === "False");
  if (failed?.reason === "SyncFailed" && failed.message !== "") {
    return `The disruption budget ${metadata.name} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  }
  return `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}

function insufficientPods({ metadata, status }: PodDisruptionBudget, now: Date) {
  const conditions = status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === "DisruptionAllowed");
  const next = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "InsufficientPods",
    message: "",
    observedGeneration: metadata.generation,
    lastTransitionTime: old?.status === "False" ? old.lastTransitionTime : timeText(now),
  } as const;
  return old === undefined ? [...conditions, next] : conditions.map((one) => (one === old ? next : one));
}
