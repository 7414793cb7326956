/**
 * Topology spread constraints that must hold: with the pod, no part of the cluster may have more of the pods that are
 * counted than the emptiest part and maxSkew together.
 */
import { type SpreadConstraint, spreadConstraintsOf } from "../pod/spread-constraint.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";
import type { Filter, NodeFilter } from "./filter.ts";

const REASON = ["node(s) didn't match pod topology spread constraints"];
const NO_LABEL = ["node(s) didn't match pod topology spread constraints (missing required label)"];

export const topologySpread: Filter = {
  name: "PodTopologySpread",
  helpedBy: ["NodeAdded", "NodeRemoved", "NodeLabels", "NodeTaints", "PodBound", "PodLabels", "PodRemoved"],
  prepare(demand, snapshot) {
    const constraints = spreadConstraintsOf(demand, "DoNotSchedule");
    if (constraints.length === 0) return undefined;
    const nodes = snapshot.nodes.filter(({ topology }) =>
      constraints.every(({ topologyKey }) => topology.has(topologyKey)),
    );
    const filters = constraints.map((constraint) => compile(constraint, nodes, snapshot));
    return (node) => {
      for (const filter of filters) {
        const reasons = filter(node);
        if (reasons !== undefined) return reasons;
      }
      return undefined;
    };
  },
};

function compile(constraint: SpreadConstraint, nodes: readonly NodeState[], snapshot: Snapshot): NodeFilter {
  const { topologyKey, query, minDomains, maxSkew, countsItself } = constraint;
  const counts = snapshot.countPods(query);
  const parts = new Map<string, number>();
  for (const node of nodes) {
    if (!constraint.includes(node)) continue;
    const part = node.topology.get(topologyKey) ?? "";
    parts.set(part, (parts.get(part) ?? 0) + (counts.get(node) ?? 0));
  }
  let least = parts.size < minDomains ? 0 : Number.POSITIVE_INFINITY;
  for (const count of parts.values()) least = Math.min(least, count);
  const limit = least + maxSkew - (countsItself ? 1 : 0);
  return ({ topology }) => {
    const part = topology.get(topologyKey);
    if (part === undefined) return NO_LABEL;
    return (parts.get(part) ?? 0) > limit ? REASON : undefined;
  };
}
