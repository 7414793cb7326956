/** Which pods a Job lacks, and which it has too many. Source: Kubernetes documentation, "Jobs" (parallel execution). */
import type { Job } from "#api/kinds/job/job.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Draft } from "#api-client/api-client.ts";
import { rankForDeletion } from "../workload/rank-pods.ts";
import { isIndexed, type PodCounts, uidOf } from "./count-pods.ts";
import type { JobEnd } from "./job-conditions.ts";
import { indexedJobPod, indexOf, jobPod } from "./job-pod.ts";

/** At most so many pods are created or deleted in one go. */
const BURST = 500;

export interface PodsPlan {
  readonly create: readonly Draft<Pod>[];
  readonly delete: readonly Pod[];
}

export interface PodsOptions {
  readonly end: JobEnd | undefined;
  /** False while it waits after a failure. */
  readonly mayCreate: boolean;
  readonly now: Date;
}

export function planPods(job: Job, counts: PodCounts, { end, mayCreate, now }: PodsOptions): PodsPlan {
  const { active, counted } = counts;
  const isIdle = end !== undefined || job.spec.suspend === true || job.metadata.deletionTimestamp !== undefined;
  if (isIdle) {
    const isLeftAlone = job.metadata.deletionTimestamp !== undefined;
    return { create: [], delete: isLeftAlone ? [] : active.slice(0, BURST) };
  }
  const wanted = wantedActive(job, counts);
  const repeated = isIndexed(job) ? unusablePods(job, counts) : [];
  const usable = active.filter((pod) => !repeated.includes(pod));
  const excess = usable.length - wanted;
  if (excess > 0 || repeated.length > 0) {
    // Pods that were given up before go first.
    const ranked = rankForDeletion(usable, { now }).toSorted(
      (a, b) => Number(counted.failed.has(uidOf(b))) - Number(counted.failed.has(uidOf(a))),
    );
    return { create: [], delete: [...repeated, ...ranked.slice(0, Math.max(0, excess))].slice(0, BURST) };
  }
  // With this policy a pod is replaced only when it has ended.
  const leaving = job.spec.podReplacementPolicy === "Failed" ? counts.terminating.length : 0;
  const missing = Math.min(wanted - usable.length - leaving, BURST);
  if (!mayCreate || missing <= 0) return { create: [], delete: [] };
  const create = isIndexed(job)
    ? missingIndexes(job, counts, missing).map((index) => indexedJobPod(job, index))
    : Array.from({ length: missing }, () => jobPod(job));
  return { create, delete: [] };
}

function wantedActive({ spec }: Job, { active, succeeded }: PodCounts): number {
  const { completions, parallelism = 1 } = spec;
  // Once one of them has succeeded, the others only finish what they do.
  if (completions === undefined) return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

/** Pods of an indexed job without a number, with one that is done, or with one that an earlier pod has. */
function unusablePods({ spec }: Job, { active, completedIndexes }: PodCounts): readonly Pod[] {
  const taken = new Set<number>();
  return active.filter((pod) => {
    const index = indexOf(pod);
    if (index === undefined || index >= (spec.completions ?? 0) || completedIndexes.has(index) || taken.has(index)) {
      return true;
    }
    taken.add(index);
    return false;
  });
}

/** The lowest ones. */
function missingIndexes(
  { spec }: Job,
  { active, terminating, completedIndexes }: PodCounts,
  count: number,
): readonly number[] {
  const blocking = spec.podReplacementPolicy === "Failed" ? [...active, ...terminating] : active;
  const taken = new Set(blocking.map(indexOf));
  const indexes: number[] = [];
  for (let index = 0; index < (spec.completions ?? 0) && indexes.length < count; index++) {
    if (!completedIndexes.has(index) && !taken.has(index)) indexes.push(index);
  }
  return indexes;
}
