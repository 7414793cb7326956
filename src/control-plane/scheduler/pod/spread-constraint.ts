/**
 * Topology spread constraints of a pod, compiled: which pods they count, on which nodes.
 * Source: Kubernetes documentation, "Pod Topology Spread Constraints".
 */

import { tolerates } from "#api/kinds/pod/toleration.ts";
import type { TopologySpreadConstraint } from "#api/kinds/pod/topology-spread.ts";
import type { NodeState, PodQuery } from "../snapshot.ts";
import type { PodDemand } from "./pod-demand.ts";
import { compileSelector, ownLabels, type PodSelector } from "./pod-selector.ts";

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly query: PodQuery;
  /** The pod itself is one of those that are counted. */
  readonly countsItself: boolean;
  /** Whether the pods of that node count at all. */
  includes(node: NodeState): boolean;
}

export function spreadConstraintsOf(
  demand: PodDemand,
  whenUnsatisfiable: TopologySpreadConstraint["whenUnsatisfiable"],
): readonly SpreadConstraint[] {
  const { topologySpreadConstraints = [] } = demand.pod.spec;
  return topologySpreadConstraints
    .filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable)
    .map((constraint): SpreadConstraint => {
      const { labelSelector, matchLabelKeys, topologyKey, maxSkew, minDomains = 1 } = constraint;
      const selector = compileSelector(labelSelector, ownLabels(demand.labels, matchLabelKeys, "in"));
      return {
        topologyKey,
        maxSkew,
        minDomains,
        query: siblingsQuery(demand.namespace, selector),
        countsItself: selector.matches(demand.labels),
        includes: nodeInclusion(demand, constraint),
      };
    });
}

/** Pods of the namespace that are not being deleted. */
export function siblingsQuery(namespace: string, selector: PodSelector): PodQuery {
  return {
    key: JSON.stringify(["living", namespace, selector.key]),
    namespaces: [namespace],
    countsTerminating: false,
    requirements: selector.requirements,
    matches: ({ labels }) => selector.matches(labels),
  };
}

function nodeInclusion(
  { nodeAffinity: { required }, pod }: PodDemand,
  { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: TopologySpreadConstraint,
): (node: NodeState) => boolean {
  const { tolerations = [] } = pod.spec;
  return (node) => {
    if (nodeAffinityPolicy === "Honor" && required !== undefined && !required(node)) return false;
    if (nodeTaintsPolicy === "Ignore") return true;
    return node.taints.every(
      (taint) => taint.effect === "PreferNoSchedule" || tolerations.some((one) => tolerates(one, taint)),
    );
  };
}
