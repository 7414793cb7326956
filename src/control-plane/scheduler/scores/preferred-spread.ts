/**
 * Prefers parts of the cluster with fewer of the pods that belong together: by the constraints ScheduleAnyway of the
 * pod, or, for a pod without any constraints, over nodes and zones among the pods of its services and its owner.
 * Source: Kubernetes documentation, "Pod Topology Spread Constraints" (built-in default constraints).
 */
import type { PodDemand } from "../pod/pod-demand.ts";
import { type SpreadConstraint, siblingsQuery, spreadConstraintsOf } from "../pod/spread-constraint.ts";
import type { NodeState, Snapshot } from "../snapshot.ts";
import { MAX_SCORE, type Score } from "./score.ts";

const HOSTNAME = "kubernetes.io/hostname";

const DEFAULTS = [
  { topologyKey: HOSTNAME, maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", maxSkew: 5 },
];

export const preferredSpread: Score = {
  name: "PodTopologySpread",
  weight: 2,
  rate(demand, nodes, snapshot) {
    const hasOwn = (demand.pod.spec.topologySpreadConstraints ?? []).length > 0;
    const constraints = hasOwn ? spreadConstraintsOf(demand, "ScheduleAnyway") : defaultConstraints(demand, snapshot);
    if (constraints.length === 0) return undefined;
    const hasLabels = ({ topology }: NodeState): boolean =>
      !hasOwn || constraints.every(({ topologyKey }) => topology.has(topologyKey));
    const rated = nodes.filter(hasLabels);
    const raters = constraints.map((constraint) =>
      compile(constraint, rated, snapshot.nodes.filter(hasLabels), snapshot),
    );
    const crowds = nodes.map((node) =>
      hasLabels(node) ? Math.round(raters.reduce((sum, rate) => sum + rate(node), 0)) : undefined,
    );
    return inverted(crowds);
  },
};

function defaultConstraints({ pod, namespace }: PodDemand, snapshot: Snapshot): readonly SpreadConstraint[] {
  const selector = snapshot.siblings(pod);
  if (selector === undefined) return [];
  const query = siblingsQuery(namespace, selector);
  return DEFAULTS.map((one) => ({ ...one, query, minDomains: 1, countsItself: true, includes: () => true }));
}

/** How crowded a node's part is. With more parts every pod weighs more, as there are fewer in each. */
function compile(
  { topologyKey, maxSkew, query, includes }: SpreadConstraint,
  rated: readonly NodeState[],
  nodes: readonly NodeState[],
  snapshot: Snapshot,
): (node: NodeState) => number {
  const counts = snapshot.countPods(query);
  const parts = new Map<string, number>();
  for (const { topology } of rated) {
    const part = topology.get(topologyKey);
    if (part !== undefined) parts.set(part, 0);
  }
  for (const node of nodes) {
    const part = node.topology.get(topologyKey);
    const known = part === undefined ? undefined : parts.get(part);
    if (part === undefined || known === undefined || !includes(node)) continue;
    parts.set(part, known + (counts.get(node) ?? 0));
  }
  const weight = Math.log((topologyKey === HOSTNAME ? rated.length : parts.size) + 2);
  return ({ topology }) => {
    const part = topology.get(topologyKey);
    return part === undefined ? 0 : (parts.get(part) ?? 0) * weight + maxSkew - 1;
  };
}

/** The least crowded is the best; a node that cannot be rated is the worst. */
function inverted(crowds: readonly (number | undefined)[]): readonly number[] | undefined {
  const known = crowds.filter((crowd) => crowd !== undefined);
  if (known.length === 0) return undefined;
  const most = Math.max(...known);
  const least = Math.min(...known);
  return crowds.map((crowd) => {
    if (crowd === undefined) return 0;
    return most === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (most + least - crowd)) / most);
  });
}
