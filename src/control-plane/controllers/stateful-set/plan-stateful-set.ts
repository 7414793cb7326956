/**
 * The next step of a StatefulSet. In order: pods are made from the lowest number up, each when the one before it is
 * available, removed from the highest down, and renewed from the highest down, one at a time.
 * Source: Kubernetes documentation, "StatefulSets" (deployment and scaling guarantees, update strategies).
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { StatefulSet } from "#api/kinds/stateful-set/stateful-set.ts";
import { nonZero } from "../workload/pod-count.ts";
import { isPodAvailable, isPodFinished, isPodReady, isTerminating } from "../workload/pod-state.ts";
import { ordinalOf, revisionOf, withIdentity } from "./stateful-pod.ts";

export interface StatefulSetState {
  readonly set: StatefulSet;
  /** Those that belong to it. */
  readonly pods: readonly Pod[];
  /** Name of the revision of the pods that are not renewed yet. */
  readonly currentRevision: string;
  /** Name of the revision of the present template. */
  readonly updateRevision: string;
  readonly now: Date;
}

export interface NumberedPod {
  readonly ordinal: number;
  readonly revision: string;
}

export interface StatefulSetPlan {
  readonly create: readonly NumberedPod[];
  readonly delete: readonly Pod[];
  /** Pods with labels that they had lost. */
  readonly relabel: readonly Pod[];
}

export type StatefulSetStatus = NonNullable<StatefulSet["status"]>;

const NOTHING: StatefulSetPlan = { create: [], delete: [], relabel: [] };

export function planStatefulSet(state: StatefulSetState): StatefulSetPlan {
  const { set } = state;
  if (isTerminating(set)) return NOTHING;
  const pods = podsByOrdinal(state);
  const wanted = wantedOrdinals(set);
  const relabel = wanted.flatMap((ordinal) => {
    const pod = pods.get(ordinal);
    if (pod === undefined || isTerminating(pod)) return [];
    const identified = withIdentity(pod, ordinal);
    return identified === pod ? [] : [identified];
  });
  const step = set.spec.podManagementPolicy === "Parallel" ? planAtOnce(state) : planInOrder(state);
  return { ...(step ?? planUpdate(state)), relabel };
}

type Step = Pick<StatefulSetPlan, "create" | "delete">;

const WAIT: Step = { create: [], delete: [] };

/** undefined: all pods are there and available, and there are no others. */
function planInOrder(state: StatefulSetState): Step | undefined {
  const pods = podsByOrdinal(state);
  for (const ordinal of wantedOrdinals(state.set)) {
    const pod = pods.get(ordinal);
    if (pod === undefined) return { create: [newPod(state, ordinal)], delete: [] };
    if (isTerminating(pod)) return WAIT;
    if (isPodFinished(pod)) return { create: [], delete: [pod] };
    if (!isHealthy(pod, state)) return WAIT;
  }
  const [highest] = unwantedPods(state);
  if (highest === undefined) return undefined;
  return isTerminating(highest) ? WAIT : { create: [], delete: [highest] };
}

function planAtOnce(state: StatefulSetState): Step | undefined {
  const pods = podsByOrdinal(state);
  const wanted = wantedOrdinals(state.set);
  const create = wanted.filter((ordinal) => !pods.has(ordinal)).map((ordinal) => newPod(state, ordinal));
  const finished = wanted.flatMap((ordinal) => pods.get(ordinal) ?? []).filter(isPodFinished);
  const unneeded = [...finished, ...unwantedPods(state)].filter((pod) => !isTerminating(pod));
  return create.length + unneeded.length === 0 ? undefined : { create, delete: unneeded };
}

/** The highest pod that is not of the present template is deleted, when all above it are well. */
function planUpdate(state: StatefulSetState): Step {
  const { set, updateRevision } = state;
  if (set.spec.updateStrategy?.type === "OnDelete") return WAIT;
  const pods = podsByOrdinal(state);
  const updated = wantedOrdinals(set).slice(partitionOf(set));
  for (const ordinal of updated.toReversed()) {
    const pod = pods.get(ordinal);
    if (pod !== undefined && !isTerminating(pod) && revisionOf(pod) !== updateRevision) {
      return { create: [], delete: [pod] };
    }
    if (pod === undefined || !isHealthy(pod, state)) return WAIT;
  }
  return WAIT;
}

function newPod({ set, currentRevision, updateRevision }: StatefulSetState, ordinal: number): NumberedPod {
  const isHeldBack = set.spec.updateStrategy?.type !== "OnDelete" && ordinal < startOf(set) + partitionOf(set);
  return { ordinal, revision: isHeldBack ? currentRevision : updateRevision };
}

function isHealthy(pod: Pod, { set, now }: StatefulSetState): boolean {
  return isRunning(pod) && !isTerminating(pod) && isPodAvailable(pod, set.spec.minReadySeconds, now);
}

function isRunning({ status }: Pod): boolean {
  return status?.phase === "Running";
}

function startOf({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

function partitionOf({ spec }: StatefulSet): number {
  return spec.updateStrategy?.rollingUpdate?.partition ?? 0;
}

function wantedOrdinals(set: StatefulSet): readonly number[] {
  return Array.from({ length: set.spec.replicas ?? 0 }, (_, index) => startOf(set) + index);
}

function podsByOrdinal({ set, pods }: StatefulSetState): ReadonlyMap<number, Pod> {
  return new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
}

/** The highest number first. */
function unwantedPods(state: StatefulSetState): readonly Pod[] {
  const { set } = state;
  const [start, end] = [startOf(set), startOf(set) + (set.spec.replicas ?? 0)];
  return [...podsByOrdinal(state)]
    .filter(([ordinal]) => ordinal >= 0 && (ordinal < start || ordinal >= end))
    .toSorted(([a], [b]) => b - a)
    .map(([, pod]) => pod);
}

export function statefulSetStatus(state: StatefulSetState): StatefulSetStatus {
  const { set, pods, currentRevision, updateRevision, now } = state;
  const { replicas = 0, updateStrategy } = set.spec;
  const ready = pods.filter((pod) => isRunning(pod) && isPodReady(pod));
  const ofRevision = (name: string) => pods.filter((pod) => !isTerminating(pod) && revisionOf(pod) === name).length;
  const updated = ofRevision(updateRevision);
  const isUpdated =
    updateStrategy?.type !== "OnDelete" &&
    updated === replicas &&
    ready.length === replicas &&
    pods.length === replicas;
  return {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: nonZero(ready.length),
    currentReplicas: nonZero(isUpdated ? updated : ofRevision(currentRevision)),
    updatedReplicas: nonZero(updated),
    currentRevision: isUpdated ? updateRevision : currentRevision,
    updateRevision,
    collisionCount: set.status?.collisionCount,
    conditions: set.status?.conditions,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds, now)).length,
  };
}
