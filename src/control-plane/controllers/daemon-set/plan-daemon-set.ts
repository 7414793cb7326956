/**
 * Which pods a DaemonSet lacks, which it has too many, which ones a rolling update replaces now, and what its status
 * says. Source: Kubernetes documentation, "DaemonSet" and "Perform a Rolling Update on a DaemonSet".
 */
import type { DaemonSet } from "#api/kinds/daemon-set.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { nonZero } from "../workload/pod-count.ts";
import { isPodAvailable, isPodFinished, isPodReady, isTerminating } from "../workload/pod-state.ts";
import { HASH_LABEL, targetNode } from "./daemon-pod.ts";
import { eligibilityOf } from "./eligible-nodes.ts";
import { compareDaemonAge, planRollingUpdate } from "./plan-rolling-update.ts";

/** At most so many pods are created, and deleted, in one go. */
const BURST = 250;

export interface DaemonSetState {
  readonly daemonSet: DaemonSet;
  /** Of the present template. */
  readonly hash: string;
  readonly nodes: readonly Node[];
  /** Those that belong to it. */
  readonly pods: readonly Pod[];
  readonly now: Date;
}

/** Of one node. */
export interface DaemonNode {
  readonly name: string;
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
  /** The oldest first. */
  readonly pods: readonly Pod[];
}

export interface DaemonSetPlan {
  /** Names of nodes; one twice when it gets a second pod during an update. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
  /** Pods that have ended although they should run for ever. */
  readonly ended: readonly Pod[];
}

export type DaemonSetStatus = NonNullable<DaemonSet["status"]>;

export function planDaemonSet(state: DaemonSetState): DaemonSetPlan {
  const { daemonSet, hash } = state;
  const nodes = daemonNodes(state);
  const steps = [...nodes.map((node) => planNode(node, state)), ...podsWithoutNode(state)];
  const create = steps.flatMap((step) => step.create);
  const excess = steps.flatMap((step) => step.delete);
  const ended = steps.flatMap((step) => step.ended);
  const isSettled = create.length + excess.length + ended.length === 0;
  const update =
    isSettled && daemonSet.spec.updateStrategy?.type !== "OnDelete"
      ? planRollingUpdate({ daemonSet, hash, nodes, now: state.now })
      : { create: [], delete: [] };
  return {
    create: [...create, ...update.create].slice(0, BURST),
    delete: [...excess, ...update.delete].slice(0, BURST),
    ended: ended.slice(0, BURST),
  };
}

function daemonNodes({ daemonSet, nodes, pods }: DaemonSetState): readonly DaemonNode[] {
  const byNode = Map.groupBy(pods.filter(isStillThere), (pod) => targetNode(pod) ?? "");
  const eligibility = eligibilityOf(daemonSet);
  return nodes.map((node) => {
    const { name = "" } = node.metadata;
    return { name, ...eligibility(node), pods: (byNode.get(name) ?? []).toSorted(compareDaemonAge) };
  });
}

/** A pod that has ended and is on its way out takes no place any more. */
function isStillThere(pod: Pod): boolean {
  return !(isPodFinished(pod) && isTerminating(pod));
}

function planNode(node: DaemonNode, state: DaemonSetState): DaemonSetPlan {
  const { shouldRun, mayStay, name } = node;
  if (shouldRun && node.pods.length === 0) return { create: [name], delete: [], ended: [] };
  const pods = node.pods.filter((pod) => !isTerminating(pod));
  if (!mayStay) return { create: [], delete: pods, ended: [] };
  const running = pods.filter((pod) => !isPodFinished(pod));
  return { create: [], delete: excessPods(running, state), ended: pods.filter(isPodFinished) };
}

/** One pod is enough; while an update surges, the oldest old and the oldest new one are. */
function excessPods(running: readonly Pod[], { daemonSet, hash, now }: DaemonSetState): readonly Pod[] {
  if (running.length <= 1) return [];
  const { maxSurge } = daemonSet.spec.updateStrategy?.rollingUpdate ?? {};
  if (maxSurge === undefined || maxSurge === 0 || maxSurge === "0%") return running.slice(1);
  const isNew = ({ metadata }: Pod) => metadata.labels?.[HASH_LABEL] === hash;
  const oldestNew = running.find(isNew);
  const oldestOld = running.find((pod) => !isNew(pod));
  const excess = running.filter((pod) => pod !== oldestNew && pod !== oldestOld);
  if (oldestNew === undefined || oldestOld === undefined) return excess;
  const isReplaced = !isPodReady(oldestOld) || isPodAvailable(oldestNew, daemonSet.spec.minReadySeconds, now);
  return isReplaced ? [...excess, oldestOld] : excess;
}

/** Pods that wait for a node that is not there any more; those that ran on it are collected with it. */
function podsWithoutNode({ nodes, pods }: DaemonSetState): readonly DaemonSetPlan[] {
  const names = new Set(nodes.map(({ metadata }) => metadata.name ?? ""));
  const lost = pods.filter(
    (pod) => (pod.spec.nodeName ?? "") === "" && !isTerminating(pod) && !names.has(targetNode(pod) ?? ""),
  );
  return lost.length === 0 ? [] : [{ create: [], delete: lost, ended: [] }];
}

export function daemonSetStatus(state: DaemonSetState): DaemonSetStatus {
  const { daemonSet, hash, now } = state;
  const nodes = daemonNodes(state);
  const wanted = nodes.filter(({ shouldRun }) => shouldRun);
  // Of several pods on a node the oldest counts.
  const running = wanted.flatMap(({ pods }) => pods.slice(0, 1));
  const available = running.filter((pod) => isPodAvailable(pod, daemonSet.spec.minReadySeconds, now)).length;
  const updated = wanted.filter(({ pods }) => pods[0]?.metadata.labels?.[HASH_LABEL] === hash).length;
  return {
    currentNumberScheduled: running.length,
    numberMisscheduled: nodes.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: running.filter(isPodReady).length,
    observedGeneration: daemonSet.metadata.generation,
    updatedNumberScheduled: nonZero(updated),
    numberAvailable: nonZero(available),
    numberUnavailable: nonZero(wanted.length - available),
    collisionCount: daemonSet.status?.collisionCount,
    conditions: daemonSet.status?.conditions,
  };
}
