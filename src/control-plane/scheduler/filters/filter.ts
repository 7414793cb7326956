/**
 * A filter says which nodes a pod cannot run on, and why, in the words of Kubernetes: they are counted per node in
 * FailedScheduling events. It is prepared once per pod, with all that does not depend on the single node.
 */
import type { PodDemand } from "../pod/pod-demand.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";

/** What can happen that makes a node fit for a pod. */
export type ClusterChange =
  | "NodeAdded"
  | "NodeRemoved"
  | "NodeLabels"
  | "NodeTaints"
  | "NodeAllocatable"
  | "PodBound"
  | "PodLabels"
  | "PodRemoved"
  | "NamespaceLabels";

/** The reasons against a node; undefined: none. */
export type NodeFilter = (node: NodeState) => readonly string[] | undefined;

export interface Filter {
  readonly name: string;
  /** After which changes it can be worth to ask again. */
  readonly helpedBy: readonly ClusterChange[];
  /** undefined: the pod fits everywhere. */
  prepare(demand: PodDemand, snapshot: Snapshot): NodeFilter | undefined;
}
