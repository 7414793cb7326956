/**
 * Which of a DaemonSet's old pods are replaced now: either so many nodes go without a pod for a while, or so many
 * have two. Old pods that are of no use anyway do not count against that.
 * Source: Kubernetes documentation, "Perform a Rolling Update on a DaemonSet"; API reference, RollingUpdateDaemonSet.
 */
import type { DaemonSet } from "#api/kinds/daemon-set.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { resolvePodCount } from "../workload/pod-count.ts";
import { isPodAvailable, isTerminating } from "../workload/pod-state.ts";
import { HASH_LABEL } from "./daemon-pod.ts";
import type { DaemonNode } from "./plan-daemon-set.ts";

export interface RollingUpdateState {
  readonly daemonSet: DaemonSet;
  readonly hash: string;
  readonly nodes: readonly DaemonNode[];
  readonly now: Date;
}

export interface RollingUpdateStep {
  /** Names of nodes. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
}

export function planRollingUpdate(state: RollingUpdateState): RollingUpdateStep {
  const { daemonSet, nodes } = state;
  const wanted = nodes.filter(({ shouldRun }) => shouldRun).length;
  const { maxSurge, maxUnavailable } = daemonSet.spec.updateStrategy?.rollingUpdate ?? {};
  const surge = resolvePodCount(maxSurge, wanted, "up");
  const unavailable = resolvePodCount(maxUnavailable, wanted, "up");
  return surge > 0 ? planSurge(state, surge) : planReplacement(state, Math.max(1, unavailable));
}

function planReplacement(state: RollingUpdateState, maxUnavailable: number): RollingUpdateStep {
  const isAvailable = availabilityOf(state);
  const useless: Pod[] = [];
  const candidates: Pod[] = [];
  let missing = 0;
  for (const node of state.nodes) {
    const found = podsOnNode(node, state.hash);
    if (found === undefined) missing++;
    else if (found.old === undefined) missing += node.shouldRun && !isAvailable(found.new) ? 1 : 0;
    else if (found.new !== undefined) missing++;
    else if (!isAvailable(found.old)) {
      useless.push(found.old);
      missing++;
    } else candidates.push(found.old);
  }
  return { create: [], delete: [...useless, ...candidates.slice(0, Math.max(0, maxUnavailable - missing))] };
}

function planSurge(state: RollingUpdateState, maxSurge: number): RollingUpdateStep {
  const isAvailable = availabilityOf(state);
  const urgent: string[] = [];
  const candidates: string[] = [];
  const replaced: Pod[] = [];
  let surging = 0;
  for (const node of state.nodes) {
    const found = podsOnNode(node, state.hash);
    if (found === undefined) {
      surging++;
    } else if (found.old === undefined || (found.new === undefined && !node.shouldRun)) {
      // Nothing to replace, or nothing to replace it with.
    } else if (found.new === undefined) {
      if (isAvailable(found.old)) candidates.push(node.name);
      else urgent.push(node.name);
    } else {
      surging++;
      if (!isAvailable(found.old) || isAvailable(found.new)) replaced.push(found.old);
    }
  }
  return { create: [...urgent, ...candidates.slice(0, Math.max(0, maxSurge - surging))], delete: replaced };
}

interface PodsOnNode {
  readonly old: Pod | undefined;
  readonly new: Pod | undefined;
}

/** undefined while the node's pods are not settled: one goes, or there are two of a kind. */
function podsOnNode({ pods }: DaemonNode, hash: string): PodsOnNode | undefined {
  const isNew = ({ metadata }: Pod) => metadata.labels?.[HASH_LABEL] === hash;
  const fresh = pods.filter(isNew);
  const old = pods.filter((pod) => !isNew(pod));
  if (pods.some(isTerminating) || fresh.length > 1 || old.length > 1) return undefined;
  return { old: old[0], new: fresh[0] };
}

function availabilityOf({ daemonSet, now }: RollingUpdateState): (pod: Pod | undefined) => boolean {
  return (pod) => pod !== undefined && isPodAvailable(pod, daemonSet.spec.minReadySeconds, now);
}

/** Pods that have a node first, then the older. */
export function compareDaemonAge(a: Pod, b: Pod): number {
  const isPlaced = ({ spec }: Pod) => (spec.nodeName ?? "") !== "";
  if (isPlaced(a) !== isPlaced(b)) return isPlaced(a) ? -1 : 1;
  const [left = "", right = ""] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
}
