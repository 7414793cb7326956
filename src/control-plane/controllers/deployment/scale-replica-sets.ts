/**
 * How many pods each ReplicaSet of a Deployment gets next: during a rolling update, after another one has ended, and
 * when the number of pods itself changes in the midst of an update.
 * Source: Kubernetes documentation, "Deployments" (strategy, proportional scaling).
 */
import type { Deployment } from "#api/kinds/deployment.ts";
import type { ReplicaSet } from "#api/kinds/replica-set.ts";
import { compareAge, DESIRED_REPLICAS, MAX_REPLICAS } from "./revisions.ts";
import { rolloutLimits } from "./rollout-limits.ts";

export interface DeployedSets {
  /** undefined: there is none for the present template. */
  readonly current: ReplicaSet | undefined;
  /** The oldest first. */
  readonly old: readonly ReplicaSet[];
}

/** What is not named stays as it is. */
export type Sizes = ReadonlyMap<ReplicaSet, number>;

const UNCHANGED: Sizes = new Map();

export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 0;
}

export function sumSizes(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + sizeOf(set), 0);
}

/** Either the new ReplicaSet grows or old ones shrink, never both at once: what is counted must be true. */
export function rollingSizes(deployment: Deployment, sets: DeployedSets): Sizes {
  const { current, old } = sets;
  if (current === undefined) return UNCHANGED;
  const size = sizeOf(current);
  const next = currentSize(deployment, current, old);
  return next !== size ? new Map([[current, next]]) : oldSizes(deployment, current, old);
}

/** What the new ReplicaSet may have, with those that there are; an old one has pods until it says that they are gone. */
export function currentSize(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): number {
  const { replicas = 0, strategy } = deployment.spec;
  const size = sizeOf(current);
  if (strategy?.type === "Recreate" || size >= replicas) return replicas;
  const present = old.reduce((sum, set) => sum + Math.max(sizeOf(set), set.status?.replicas ?? 0), sizeOf(current));
  const room = replicas + rolloutLimits(deployment).maxSurge - present;
  return room <= 0 ? size : size + Math.min(room, replicas - size);
}

function oldSizes(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Sizes {
  const { replicas = 0 } = deployment.spec;
  const minAvailable = replicas - rolloutLimits(deployment).maxUnavailable;
  const missing = sizeOf(current) - availableOf(current);
  const removable = sumSizes([current, ...old]) - minAvailable - missing;
  if (sumSizes(old) === 0 || removable <= 0) return UNCHANGED;
  const sizes = new Map<ReplicaSet, number>();
  const shrink = (budget: number, unneeded: (set: ReplicaSet, size: number) => number): void => {
    let left = budget;
    for (const set of old) {
      const size = sizes.get(set) ?? sizeOf(set);
      const less = Math.max(0, Math.min(left, unneeded(set, size)));
      if (less > 0) sizes.set(set, size - less);
      left -= less;
    }
  };
  // Pods that are of no use go first, so that an update that got stuck can be taken back.
  shrink(removable, (set, size) => size - availableOf(set));
  const available = [current, ...old].reduce((sum, set) => sum + availableOf(set), 0);
  shrink(available - minAvailable, (_set, size) => size);
  return sizes;
}

/** A status that is behind may count pods that are to go. */
function availableOf(set: ReplicaSet): number {
  return Math.min(set.status?.availableReplicas ?? 0, sizeOf(set));
}

/** True when the number of pods was changed since the ReplicaSets got theirs. */
export function isScaling({ spec }: Deployment, { current, old }: DeployedSets): boolean {
  return activeSets([...(current === undefined ? [] : [current]), ...old]).some((set) => {
    const desired = annotatedCount(set, DESIRED_REPLICAS);
    return desired !== undefined && desired !== spec.replicas;
  });
}

/** All that are named get their annotations renewed, even when their number stays. */
export function scaledSizes(deployment: Deployment, sets: DeployedSets): Sizes {
  const { current, old } = sets;
  const { replicas = 0, strategy } = deployment.spec;
  const all = current === undefined ? old : [current, ...old];
  const active = activeSets(all);
  if (active.length <= 1) {
    const only = active[0] ?? current ?? old.at(-1);
    return only === undefined ? UNCHANGED : new Map([[only, replicas]]);
  }
  if (current !== undefined && isSaturated(deployment, current)) {
    return new Map(active.map((set) => [set, set === current ? replicas : 0]));
  }
  const isFixed = strategy?.type === "Recreate" || !isScaling(deployment, sets);
  return isFixed ? UNCHANGED : proportionalSizes(deployment, active);
}

/** Each ReplicaSet gets its share of what is added or taken away; the largest gets the rest. */
function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): Sizes {
  const { replicas = 0 } = deployment.spec;
  const allowed = replicas > 0 ? replicas + rolloutLimits(deployment).maxSurge : 0;
  const toAdd = allowed - sumSizes(active);
  const newerFirst = toAdd > 0 ? -1 : 1;
  const sorted = active.toSorted((a, b) => sizeOf(b) - sizeOf(a) || newerFirst * compareAge(a, b));
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of sorted) {
    const share = toAdd === added ? 0 : shareOf(set, deployment);
    const limited = toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
    sizes.set(set, sizeOf(set) + limited);
    added += limited;
  }
  const [largest] = sorted;
  if (largest !== undefined && toAdd !== added) {
    sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  }
  return sizes;
}

/** The pods it would have more, or less, if it kept its part of the whole. */
function shareOf(set: ReplicaSet, deployment: Deployment): number {
  const { spec, status } = deployment;
  const size = sizeOf(set);
  if ((spec.replicas ?? 0) === 0) return -size;
  const before = annotatedCount(set, MAX_REPLICAS) || (status?.replicas ?? 0);
  if (before === 0) return 0;
  const after = (spec.replicas ?? 0) + rolloutLimits(deployment).maxSurge;
  return Math.round((size * after) / before) - size;
}

function isSaturated({ spec: { replicas = 0 } }: Deployment, current: ReplicaSet): boolean {
  return (
    sizeOf(current) === replicas &&
    annotatedCount(current, DESIRED_REPLICAS) === replicas &&
    (current.status?.availableReplicas ?? 0) === replicas
  );
}

/** A set with its number of pods, and with what the next change of the Deployment's number is measured by. */
export function withSize(set: ReplicaSet, size: number, deployment: Deployment): ReplicaSet {
  const { replicas = 0 } = deployment.spec;
  const annotations = {
    ...set.metadata.annotations,
    [DESIRED_REPLICAS]: String(replicas),
    [MAX_REPLICAS]: String(replicas + rolloutLimits(deployment).maxSurge),
  };
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas: size } };
}

export function activeSets(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return sets.filter((set) => sizeOf(set) > 0);
}

function annotatedCount({ metadata }: ReplicaSet, annotation: string): number | undefined {
  const text = metadata.annotations?.[annotation] ?? "";
  return /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
