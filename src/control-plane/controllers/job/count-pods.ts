/**
 * How many of a Job's pods have succeeded and failed, each counted once however long it stays. Pods that are in the
 * numbers and still there are remembered by their UIDs in `status.uncountedTerminatedPods`; numbers and UIDs are
 * written together, so that there is never one without the other. Kubernetes keeps such pods by a finalizer instead,
 * and lists there the ones that are not in the numbers yet.
 */
import type { Job } from "#api/kinds/job/job.ts";
import type { JobStatus } from "#api/kinds/job/job-status.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { isPodActive, isPodFinished, isPodReady, isTerminating } from "../workload/pod-state.ts";
import { parseIndexes } from "./indexes.ts";
import { indexOf } from "./job-pod.ts";

export interface PodCounts {
  readonly active: readonly Pod[];
  readonly ready: number;
  /** On their way out, and not ended yet. */
  readonly terminating: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  /** Pods that are there and need not be counted any more. */
  readonly counted: { readonly succeeded: ReadonlySet<string>; readonly failed: ReadonlySet<string> };
  /** Of an indexed job. */
  readonly completedIndexes: ReadonlySet<number>;
}

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === "Indexed";
}

export function countPods(job: Job, pods: readonly Pod[]): PodCounts {
  const { uncountedTerminatedPods: remembered, ...status } = job.status ?? {};
  const known = new Set([...(remembered?.succeeded ?? []), ...(remembered?.failed ?? [])]);
  const active = pods.filter(isPodActive);
  const succeeded = pods.filter(({ status: { phase } = {} }) => phase === "Succeeded");
  const failed = pods.filter((pod) => isFailed(job, pod));
  const fresh = (some: readonly Pod[]) => some.filter((pod) => !known.has(uidOf(pod)));
  const completedIndexes = isIndexed(job) ? indexesOf(job, status, succeeded) : new Set<number>();
  const present = new Set(pods.map(uidOf));
  const kept = (uids: readonly string[] = []) => uids.filter((uid) => present.has(uid));
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter((pod) => isTerminating(pod) && !isPodFinished(pod)),
    succeeded: isIndexed(job) ? completedIndexes.size : (status.succeeded ?? 0) + fresh(succeeded).length,
    failed: (status.failed ?? 0) + fresh(failed).length,
    counted: {
      // An index counts once by itself.
      succeeded: new Set(isIndexed(job) ? [] : [...kept(remembered?.succeeded), ...fresh(succeeded).map(uidOf)]),
      failed: new Set([...kept(remembered?.failed), ...fresh(failed).map(uidOf)]),
    },
    completedIndexes,
  };
}

/** A pod that somebody deletes counts as failed at once, unless the job waits for its end to replace it. */
function isFailed({ spec }: Job, pod: Pod): boolean {
  if (pod.status?.phase === "Failed") return true;
  return spec.podReplacementPolicy !== "Failed" && isTerminating(pod) && pod.status?.phase !== "Succeeded";
}

/** Numbers beyond a job's completions, after these were lowered, do not count. */
function indexesOf(job: Job, status: JobStatus, succeeded: readonly Pod[]): ReadonlySet<number> {
  const indexes = [...parseIndexes(status.completedIndexes), ...succeeded.flatMap((pod) => indexOf(pod) ?? [])];
  return new Set(indexes.filter((index) => index < (job.spec.completions ?? 0)));
}

export function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? "";
}
