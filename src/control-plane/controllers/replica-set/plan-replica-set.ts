/**
 * What brings a ReplicaSet's pods to their number, and what its status says of them.
 * Source: Kubernetes documentation, "ReplicaSet"; Kubernetes API reference, apps/v1 ReplicaSet.
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import { timeText } from "../../resources/stored-object.ts";
import { nonZero } from "../workload/pod-count.ts";
import { isPodActive, isPodAvailable, isPodReady, isTerminating, nextAvailableMs } from "../workload/pod-state.ts";
import { countByNode, rankForDeletion } from "../workload/rank-pods.ts";

/** At most so many pods are created or deleted in one go. */
const BURST = 500;

export type ReplicaSetStatus = NonNullable<ReplicaSet["status"]>;

export interface ReplicaSetState {
  readonly replicaSet: ReplicaSet;
  /** Those that belong to it. */
  readonly pods: readonly Pod[];
  /** Pods of all ReplicaSets of the same Deployment: to keep an eye on nodes that are doubled up. */
  readonly relatedPods: readonly Pod[];
  readonly now: Date;
}

export interface ReplicaSetPlan {
  readonly create: number;
  readonly delete: readonly Pod[];
}

export function planReplicaSet({ replicaSet, pods, relatedPods, now }: ReplicaSetState): ReplicaSetPlan {
  const active = pods.filter(isPodActive);
  const missing = (replicaSet.spec.replicas ?? 0) - active.length;
  if (isTerminating(replicaSet) || missing === 0) return { create: 0, delete: [] };
  if (missing > 0) return { create: Math.min(missing, BURST), delete: [] };
  const doubledUp = countByNode(relatedPods.filter(isPodActive));
  const ranked = rankForDeletion(active, { now, doubledUp });
  return { create: 0, delete: ranked.slice(0, Math.min(-missing, BURST)) };
}

/** Why its pods could not be brought to their number. */
export interface ReplicaFailure {
  readonly reason: "FailedCreate" | "FailedDelete";
  readonly message: string;
}

/** `failure` undefined: the last attempt went well. */
export function replicaSetStatus(
  { replicaSet, pods, now }: Omit<ReplicaSetState, "relatedPods">,
  failure: ReplicaFailure | undefined,
): ReplicaSetStatus {
  const { spec, metadata, status } = replicaSet;
  const active = pods.filter(isPodActive);
  const labels = Object.entries(spec.template.metadata?.labels ?? {});
  const isFullyLabeled = (pod: Pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value);
  const ready = active.filter(isPodReady);
  const available = ready.filter((pod) => isPodAvailable(pod, spec.minReadySeconds, now));
  const conditions = withFailure(status?.conditions, failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: nonZero(active.filter(isFullyLabeled).length),
    readyReplicas: nonZero(ready.length),
    availableReplicas: nonZero(available.length),
    observedGeneration: metadata.generation,
    conditions: conditions.length === 0 ? undefined : conditions,
  };
}

/** How long until a ready pod becomes available; the wait for it has no event. */
export function untilNextAvailableMs({ replicaSet, pods, now }: Omit<ReplicaSetState, "relatedPods">) {
  return nextAvailableMs(pods, replicaSet.spec.minReadySeconds, now);
}

function withFailure(
  conditions: ReplicaSetStatus["conditions"] = [],
  failure: ReplicaFailure | undefined,
  now: Date,
): NonNullable<ReplicaSetStatus["conditions"]> {
  const others = conditions.filter(({ type }) => type !== "ReplicaFailure");
  if (failure === undefined) return others.length === conditions.length ? conditions : others;
  if (others.length < conditions.length) return conditions;
  return [...others, { type: "ReplicaFailure", status: "True", lastTransitionTime: timeText(now), ...failure }];
}
