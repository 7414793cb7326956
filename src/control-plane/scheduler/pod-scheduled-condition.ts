/**
 * The condition PodScheduled of a pod without a node. On its node the API server sets it.
 * Source: Kubernetes documentation, "Pod Lifecycle" (pod conditions), "Pod Scheduling Readiness".
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodCondition } from "#api/kinds/pod/pod-status.ts";
import type { JsonValue } from "#base/json.ts";

export type NotScheduledReason = "Unschedulable" | "SchedulerError" | "SchedulingGated";

/** A strategic merge patch of the status; undefined when the pod says so already. */
export function planNotScheduled(
  { metadata, status }: Pod,
  { reason, message }: { readonly reason: NotScheduledReason; readonly message: string },
  now: Date,
): JsonValue | undefined {
  const old = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (old?.status === "False" && old.reason === reason && old.message === message) return undefined;
  const since = old?.status === "False" ? old.lastTransitionTime : undefined;
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason,
    message,
    lastTransitionTime: since ?? `${now.toISOString().slice(0, 19)}Z`,
  } satisfies PodCondition;
  return {
    ...(metadata.uid !== undefined && { metadata: { uid: metadata.uid } }),
    status: { conditions: [condition] },
  };
}
