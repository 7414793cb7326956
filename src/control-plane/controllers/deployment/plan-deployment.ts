/**
 * The next step of a Deployment: the ReplicaSets to create, to resize and to delete, and its status. One step at a
 * time: the next one follows when the ReplicaSets have told what became of this one.
 * Source: Kubernetes documentation, "Deployments".
 */
import type { Deployment } from "#api/kinds/deployment.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { isPodFinished, isTerminating } from "../workload/pod-state.ts";
import {
  countedStatus,
  isComplete,
  rolloutStatus,
  untilDeadlineMs,
  withCreated,
  withFound,
  withPause,
} from "./deployment-status.ts";
import { findRevisions, newReplicaSet, nextRevision, REVISION, revisionOf, updatedReplicaSet } from "./revisions.ts";
import {
  activeSets,
  currentSize,
  type DeployedSets,
  isScaling,
  rollingSizes,
  type Sizes,
  scaledSizes,
  sizeOf,
  sumSizes,
  withSize,
} from "./scale-replica-sets.ts";

const MAX_INT32 = 2 ** 31 - 1;

export interface DeploymentState {
  readonly deployment: Deployment;
  /** Those that belong to it. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Of a ReplicaSet; only asked with the strategy Recreate. */
  podsOf(replicaSet: ReplicaSet): readonly Pod[];
  readonly now: Date;
}

export interface ReplicaSetUpdate {
  readonly from: ReplicaSet;
  readonly to: ReplicaSet;
}

export interface DeploymentPlan {
  /** For the present template; it is not there yet. */
  readonly create: ReplicaSet | undefined;
  readonly update: readonly ReplicaSetUpdate[];
  readonly delete: readonly ReplicaSet[];
  /** As it should be after that: with its revision and its status. */
  readonly deployment: Deployment;
  /** When to look again without having been told; undefined: never. */
  readonly againMs: number | undefined;
}

export function planDeployment(state: DeploymentState): DeploymentPlan {
  const { replicaSets, now } = state;
  if (isTerminating(state.deployment)) return statusOnly(state);
  const deployment = withPause(state.deployment, now);
  const found = findRevisions(deployment, replicaSets);
  const isPaused = deployment.spec.paused === true;
  const isResized = isScaling(deployment, found);
  const isRollout = !isPaused && !isResized;
  const isMade = isRollout && found.current === undefined && (isRolling(deployment) || !hasOldPods(state, found));
  const revision = nextRevision(found.old);
  const created = isMade ? withFirstSize(deployment, newReplicaSet(deployment, revision), found.old) : undefined;
  const renewed = found.current && updatedReplicaSet(found.current, deployment, revision);
  const sets: DeployedSets = { current: renewed ?? created, old: found.old };
  const sizes = created === undefined ? sizesOf(state, deployment, sets, { isRollout }) : new Map<ReplicaSet, number>();
  const resized = (set: ReplicaSet) => resize(set, sizes, deployment, { isRollout });
  const current = sets.current && resized(sets.current);
  const old = sets.old.map(resized);
  const noted = noteRevision(deployment, current, { isNew: created !== undefined }, now);
  const observed = { all: current === undefined ? old : [current, ...old], current };
  const status = isRollout ? rolloutStatus(noted, observed, now) : countedStatus(noted, observed, now);
  const isIdle = isPaused || (isRollout && isComplete(noted, noted.status ?? {}));
  return {
    create: created,
    update: [
      ...(created === undefined ? changed(found.current, current) : []),
      ...found.old.flatMap((set, index) => changed(set, old[index])),
    ],
    delete: isIdle && sizes.size === 0 ? unneededSets(deployment, found.old) : [],
    deployment: { ...noted, status },
    againMs: isPaused ? undefined : untilDeadlineMs(noted, status, now),
  };
}

/** It goes away: nothing is changed any more. */
function statusOnly({ deployment, replicaSets, now }: DeploymentState): DeploymentPlan {
  const { current } = findRevisions(deployment, replicaSets);
  const status = countedStatus(deployment, { all: replicaSets, current }, now);
  return { create: undefined, update: [], delete: [], deployment: { ...deployment, status }, againMs: undefined };
}

function sizesOf(
  state: DeploymentState,
  deployment: Deployment,
  sets: DeployedSets,
  { isRollout }: { readonly isRollout: boolean },
): Sizes {
  if (!isRollout) return scaledSizes(deployment, sets);
  if (isRolling(deployment)) return rollingSizes(deployment, sets);
  const old = activeSets(sets.old);
  if (old.length > 0) return new Map(old.map((set) => [set, 0]));
  const { current } = sets;
  const { replicas = 0 } = deployment.spec;
  const mayGrow = current !== undefined && sizeOf(current) !== replicas && !hasOldPods(state, sets);
  return mayGrow ? new Map([[current, replicas]]) : new Map();
}

/** Pods of the other templates, on their way out or not: none may be left before new ones come. */
function hasOldPods({ podsOf }: DeploymentState, { old }: DeployedSets): boolean {
  if (sumSizes(old) > 0 || old.some((set) => (set.status?.replicas ?? 0) > 0)) return true;
  return old.some((set) => podsOf(set).some((pod) => !isPodFinished(pod)));
}

function isRolling({ spec }: Deployment): boolean {
  return spec.strategy?.type !== "Recreate";
}

function withFirstSize(deployment: Deployment, set: ReplicaSet, old: readonly ReplicaSet[]): ReplicaSet {
  return withSize(set, currentSize(deployment, set, old), deployment);
}

/** In a rollout, annotations go with the number; when the number of all changes, each set hears of it. */
function resize(
  set: ReplicaSet,
  sizes: Sizes,
  deployment: Deployment,
  { isRollout }: { readonly isRollout: boolean },
): ReplicaSet {
  const size = sizes.get(set);
  if (size === undefined || (isRollout && size === sizeOf(set))) return set;
  return withSize(set, size, deployment);
}

function changed(from: ReplicaSet | undefined, to: ReplicaSet | undefined): readonly ReplicaSetUpdate[] {
  if (from === undefined || to === undefined || from === to || jsonEqual(from, to)) return [];
  return [{ from, to }];
}

/** The Deployment has the revision of its present ReplicaSet. */
function noteRevision(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  { isNew }: { readonly isNew: boolean },
  now: Date,
): Deployment {
  if (current === undefined) return deployment;
  const { metadata } = deployment;
  const { name = "" } = current.metadata;
  const revision = String(revisionOf(current));
  const numbered =
    metadata.annotations?.[REVISION] === revision
      ? deployment
      : { ...deployment, metadata: { ...metadata, annotations: { ...metadata.annotations, [REVISION]: revision } } };
  return isNew ? withCreated(numbered, name, now) : withFound(numbered, name, now);
}

/** Old ReplicaSets beyond those that are kept to go back to, the lowest revisions first. */
function unneededSets({ spec }: Deployment, old: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const { revisionHistoryLimit: limit } = spec;
  if (limit === undefined || limit === MAX_INT32) return [];
  const sorted = old.filter((set) => !isTerminating(set)).toSorted((a, b) => revisionOf(a) - revisionOf(b));
  return sorted.slice(0, Math.max(0, sorted.length - limit)).filter(({ metadata, spec: { replicas = 0 }, status }) => {
    const isObserved = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    return replicas === 0 && (status?.replicas ?? 0) === 0 && isObserved;
  });
}
