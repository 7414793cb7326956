/**
 * Pods that nobody else takes away: too many that have ended, those whose node is gone or out of service, and those
 * that are to be deleted before they ever had a node. Source: Kubernetes documentation, "Pod Lifecycle" (garbage
 * collection of pods) and "Nodes" (non-graceful node shutdown).
 */
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { withCondition } from "../../resources/subresources/pod-conditions.ts";
import { isNodeReady } from "../node-lifecycle/plan-node-health.ts";

const OUT_OF_SERVICE_TAINT = "node.kubernetes.io/out-of-service";

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** The oldest of those that have ended, beyond so many. */
export function planEndedPods(pods: readonly Pod[], threshold: number): readonly Pod[] {
  const ended = pods.filter((pod) => hasEnded(pod) && pod.metadata.deletionTimestamp === undefined);
  if (threshold <= 0 || ended.length <= threshold) return [];
  const ageOf = ({ metadata }: Pod) => `${metadata.creationTimestamp ?? ""} ${metadata.namespace} ${metadata.name}`;
  return ended.toSorted((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1)).slice(0, ended.length - threshold);
}

export function isUnscheduledTerminating({ metadata, spec }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined && (spec.nodeName ?? "") === "";
}

/** Somebody says that the node is down for good: its pods need not be waited for. */
export function isOutOfService(node: Node): boolean {
  return !isNodeReady(node) && (node.spec?.taints ?? []).some(({ key }) => key === OUT_OF_SERVICE_TAINT);
}

/** The pod as it is before it is removed because of its node. */
export function planLostPod(pod: Pod, message: string, now: Date): Pod {
  const reason = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message } as const;
  const status = withCondition(pod.status, reason, now);
  return { ...pod, status: hasEnded(pod) ? status : { ...status, phase: "Failed" } };
}
