/**
 * Whether a node still lives: its kubelet renews its lease and posts its status. Who does neither for a while gets
 * conditions that say so. Source: Kubernetes documentation, "Node Status" (heartbeats) and "Nodes" (node controller);
 * reasons and texts as the node controller's.
 */

import type { NodeCondition, NodeStatus } from "#api/kinds/node/node-status.ts";
import type { Node } from "#api/kinds/node.ts";
import { timeText } from "../../resources/stored-object.ts";

export interface NodeGrace {
  /** Without a sign of life, until a node counts as unreachable. */
  readonly monitorMs: number;
  /** The same for nodes that have not posted anything yet. */
  readonly startupMs: number;
}

export interface NodeObservation {
  /** When the controller last saw a sign of life, by its own clock. */
  readonly seenAt: Date;
  readonly now: Date;
  readonly grace: NodeGrace;
}

export type NodeHealthPlan =
  | { readonly type: "alive"; readonly deadline: Date }
  /** `status` is undefined when it says so already. */
  | { readonly type: "lost"; readonly status: NodeStatus | undefined };

/** Conditions that nobody knows any more once a kubelet is silent. */
const CONDITIONS = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const;

export function planNodeHealth(node: Node, { seenAt, now, grace }: NodeObservation): NodeHealthPlan {
  const { status = {}, metadata } = node;
  const createdAt = new Date(metadata.creationTimestamp ?? seenAt);
  const hasPosted = readyCondition(node) !== undefined;
  const deadline = hasPosted
    ? new Date(seenAt.getTime() + grace.monitorMs)
    : new Date(Math.max(createdAt.getTime(), seenAt.getTime()) + grace.startupMs);
  if (now < deadline) return { type: "alive", deadline };
  const { conditions = [] } = status;
  const changed = CONDITIONS.flatMap((type): readonly NodeCondition[] => {
    const old = conditions.find((condition) => condition.type === type);
    if (old?.status === "Unknown") return [];
    return [old === undefined ? neverPosted(type, timeText(createdAt), now) : stopped(old, now)];
  });
  if (changed.length === 0) return { type: "lost", status: undefined };
  const byType = new Map(changed.map((condition) => [condition.type, condition]));
  const kept = conditions.map((condition) => byType.get(condition.type) ?? condition);
  const added = changed.filter(({ type }) => !conditions.some((condition) => condition.type === type));
  return { type: "lost", status: { ...status, conditions: [...kept, ...added] } };
}

function stopped(old: NodeCondition, now: Date): NodeCondition {
  return {
    ...old,
    status: "Unknown",
    lastTransitionTime: timeText(now),
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
  };
}

function neverPosted(type: string, createdAt: string, now: Date): NodeCondition {
  return {
    type,
    status: "Unknown",
    lastHeartbeatTime: createdAt,
    lastTransitionTime: timeText(now),
    reason: "NodeStatusNeverUpdated",
    message: "Kubelet never posted node status.",
  };
}

export function readyCondition({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

export function isNodeReady(node: Node): boolean {
  return readyCondition(node)?.status === "True";
}
