/**
 * Which node a pod goes to: filters rule nodes out, scores rate the others, the best one is taken. Pure: the same pod
 * and the same cluster give the same node; among equally good nodes the pod's identity decides, so that replicas
 * spread. Pods are never pushed out for others (preemption). Source: Kubernetes documentation, "Kubernetes Scheduler".
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ClusterChange, Filter, NodeFilter } from "./filters/filter.ts";
import { FILTERS } from "./filters/filters.ts";
import { NOT_NAMED, nodeAffinity } from "./filters/node-affinity.ts";
import { demandOf, type PodDemand } from "./pod/pod-demand.ts";
import { SCORES } from "./scores/scores.ts";
import type { NodeState, Snapshot } from "./snapshot.ts";

export interface Unschedulable {
  readonly nodeCount: number;
  /** Number of nodes by reason; a node can have several. */
  readonly reasons: ReadonlyMap<string, number>;
  /** After which changes it can be worth to try again. */
  readonly helpedBy: ReadonlySet<ClusterChange>;
}

export type Scheduling = { readonly node: string } | { readonly unschedulable: Unschedulable };

export function schedulePod(pod: Pod, snapshot: Snapshot): Scheduling {
  const demand = demandOf(pod);
  const tally: Tally = { reasons: new Map(), helpedBy: new Set(["NodeAdded"]) };
  const nodes = feasibleNodes(demand, snapshot, tally);
  const [first] = nodes;
  if (first === undefined) return { unschedulable: { nodeCount: snapshot.nodes.length, ...tally } };
  return { node: (nodes.length === 1 ? first : bestNode(demand, nodes, snapshot)).name };
}

interface Tally {
  readonly reasons: Map<string, number>;
  readonly helpedBy: Set<ClusterChange>;
}

interface PreparedFilter {
  readonly filter: Filter;
  readonly reject: NodeFilter;
}

function feasibleNodes(demand: PodDemand, snapshot: Snapshot, tally: Tally): readonly NodeState[] {
  const { nodeNames } = demand.nodeAffinity;
  const candidates =
    nodeNames === undefined ? snapshot.nodes : snapshot.nodes.filter(({ name }) => nodeNames.has(name));
  if (candidates.length < snapshot.nodes.length) {
    count(tally, nodeAffinity, NOT_NAMED, snapshot.nodes.length - candidates.length);
  }
  const filters: PreparedFilter[] = [];
  for (const filter of FILTERS) {
    const reject = filter.prepare(demand, snapshot);
    if (reject !== undefined) filters.push({ filter, reject });
  }
  return candidates.filter((node) => isFeasible(node, filters, tally));
}

function isFeasible(node: NodeState, filters: readonly PreparedFilter[], tally: Tally): boolean {
  for (const { filter, reject } of filters) {
    const reasons = reject(node);
    if (reasons === undefined) continue;
    count(tally, filter, reasons, 1);
    return false;
  }
  return true;
}

function count({ reasons, helpedBy }: Tally, filter: Filter, texts: readonly string[], nodes: number): void {
  for (const change of filter.helpedBy) helpedBy.add(change);
  for (const text of texts) reasons.set(text, (reasons.get(text) ?? 0) + nodes);
}

function bestNode(demand: PodDemand, nodes: readonly NodeState[], snapshot: Snapshot): NodeState {
  const totals = new Array<number>(nodes.length).fill(0);
  for (const { weight, rate } of SCORES) {
    rate(demand, nodes, snapshot)?.forEach((score, index) => {
      totals[index] = (totals[index] ?? 0) + weight * score;
    });
  }
  const best = Math.max(...totals);
  const equals = nodes.filter((_, index) => totals[index] === best);
  const { uid, name = "" } = demand.pod.metadata;
  const chosen = equals[hashOf(uid ?? name) % equals.length];
  if (chosen === undefined) throw new RangeError("Cannot choose among no nodes");
  return chosen;
}

/** FNV-1a, 32 bits, with its lowest bits mixed once more, as only they count. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
