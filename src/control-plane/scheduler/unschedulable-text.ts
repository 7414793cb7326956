/**
 * Why a pod has no node, as people know it: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were
 * unschedulable." Reasons are sorted as texts with their numbers in front, as Kubernetes does it. What Kubernetes adds
 * about preemption is left out, as there is none.
 */
import type { Unschedulable } from "./schedule-pod.ts";

export function unschedulableText({ nodeCount, reasons }: Unschedulable): string {
  if (nodeCount === 0) return "no nodes available to schedule pods";
  const counted = [...reasons].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${counted.join(", ")}.`;
}
