/** Conditions in a pod's status. Source: Kubernetes documentation, "Pod Lifecycle" (pod conditions). */
import type { PodCondition, PodStatus } from "#api/kinds/pod/pod-status.ts";
import { timeText } from "../stored-object.ts";

/** The status with the condition in the place of the one of its type. Its time changes only with its status. */
export function withCondition(status: PodStatus | undefined, condition: PodCondition, now: Date): PodStatus {
  const { conditions = [] } = status ?? {};
  const old = conditions.find(({ type }) => type === condition.type);
  const isSame = old?.status === condition.status && old.lastTransitionTime !== undefined;
  const next = { ...condition, lastTransitionTime: isSame ? old.lastTransitionTime : timeText(now) };
  return {
    ...status,
    conditions: old === undefined ? [...conditions, next] : conditions.map((one) => (one === old ? next : one)),
  };
}

export function isReady(status: PodStatus | undefined): boolean {
  return (status?.conditions ?? []).some(({ type, status: value }) => type === "Ready" && value === "True");
}
