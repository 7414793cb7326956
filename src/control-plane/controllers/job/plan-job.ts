/**
 * The next step of a Job: its numbers, whether it is at its end, which pods it lacks and which it has too many.
 * The status is to be written before pods are touched: what it counts, or gives up, is then never counted again.
 * Source: Kubernetes documentation, "Jobs".
 */
import type { Job } from "#api/kinds/job/job.ts";
import type { JobStatus } from "#api/kinds/job/job-status.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { RecordedEvent } from "#api-client/event-recorder.ts";
import { timeText } from "../../resources/stored-object.ts";
import { nonZero } from "../workload/pod-count.ts";
import { sooner } from "../workload/sooner.ts";
import { countPods, isIndexed, type PodCounts, uidOf } from "./count-pods.ts";
import { formatIndexes } from "./indexes.ts";
import {
  BACKOFF_LIMIT_EXCEEDED,
  COMPLETED,
  DEADLINE_EXCEEDED,
  decidedEnd,
  isSuspendedIn,
  type JobConditions,
  type JobEnd,
  withEnd,
  withSuspension,
} from "./job-conditions.ts";
import { type PodsPlan, planPods } from "./plan-pods.ts";
import { retryWaitMs } from "./retry-backoff.ts";

export interface JobState {
  readonly job: Job;
  /** Those that belong to it. */
  readonly pods: readonly Pod[];
  /** False while pods that were asked for are not seen yet: then none are created or deleted. */
  readonly isSettled: boolean;
  readonly now: Date;
}

export interface JobPlan extends PodsPlan {
  readonly status: JobStatus;
  readonly events: readonly RecordedEvent[];
  readonly againMs: number | undefined;
}

/** Of a job that is not at its end. */
export function planJob(state: JobState): JobPlan {
  const { job, pods, isSettled, now } = state;
  const counts = countPods(job, pods);
  const isSuspended = job.spec.suspend === true;
  const conditions = withSuspension(job.status?.conditions ?? [], isSuspended, now);
  const startedAt = job.status?.startTime ?? (isSuspended ? undefined : timeText(now));
  const end = decidedEnd(conditions) ?? findEnd(state, counts, startedAt);
  // Time does not count while it is suspended.
  const startTime = isSuspended && end === undefined ? undefined : (startedAt ?? timeText(now));
  const wait = retryWaitMs(pods, now);
  const plan = isSettled ? planPods(job, counts, { end, mayCreate: wait === 0, now }) : { create: [], delete: [] };
  // Pods that the job gives up of its own accord are no failures, but for those of a job that fails.
  const givenUp = end?.type === "Failed" ? [] : plan.delete.map(uidOf);
  const isOver = end !== undefined && counts.active.length + counts.terminating.length === 0;
  const status = statusOf({ job, counts, givenUp, isOver, startTime });
  const ended = end === undefined ? conditions : withEnd(conditions, end, { isOver, now });
  return {
    ...plan,
    status: {
      ...status,
      conditions: ended.length === 0 ? undefined : ended,
      ...(isOver && end.type === "Complete" && { completionTime: timeText(now) }),
    },
    events: [...suspensionEvents(job, conditions), ...(isOver ? [endEvent(end)] : [])],
    againMs:
      end === undefined && !isSuspended
        ? sooner(wait === 0 ? undefined : wait, deadlineMs(job, startTime, now))
        : undefined,
  };
}

function findEnd({ job, pods, now }: JobState, counts: PodCounts, startTime: string | undefined): JobEnd | undefined {
  const { completions, backoffLimit = 6, suspend = false } = job.spec;
  if (counts.failed > backoffLimit || hasTooManyRestarts(job, pods)) return BACKOFF_LIMIT_EXCEEDED;
  if (!suspend && deadlineMs(job, startTime, now) === 0) return DEADLINE_EXCEEDED;
  const isComplete =
    completions === undefined ? counts.succeeded > 0 && counts.active.length === 0 : counts.succeeded >= completions;
  return isComplete ? COMPLETED : undefined;
}

/** Pods that restart their containers themselves fail in this way. */
function hasTooManyRestarts({ spec }: Job, pods: readonly Pod[]): boolean {
  const { backoffLimit = 6, template } = spec;
  if (template.spec.restartPolicy !== "OnFailure") return false;
  const restarts = pods
    .filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending")
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** 0: it is over; undefined: there is none. */
function deadlineMs({ spec }: Job, startTime: string | undefined, now: Date): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
  return Math.max(0, Date.parse(startTime) + spec.activeDeadlineSeconds * 1000 - now.getTime());
}

interface CountedJob {
  readonly job: Job;
  readonly counts: PodCounts;
  /** UIDs of pods that are not to be counted when they end. */
  readonly givenUp: readonly string[];
  readonly isOver: boolean;
  readonly startTime: string | undefined;
}

function statusOf({ job, counts, givenUp, isOver, startTime }: CountedJob): JobStatus {
  const succeeded = [...counts.counted.succeeded];
  const failed = [...new Set([...counts.counted.failed, ...givenUp])];
  return {
    startTime,
    active: nonZero(counts.active.length),
    ready: counts.ready,
    terminating: counts.terminating.length,
    succeeded: nonZero(counts.succeeded),
    failed: nonZero(counts.failed),
    ...(isIndexed(job) &&
      counts.completedIndexes.size > 0 && { completedIndexes: formatIndexes(counts.completedIndexes) }),
    // At its end a job has nothing to count any more.
    uncountedTerminatedPods: isOver
      ? {}
      : { ...(succeeded.length > 0 && { succeeded }), ...(failed.length > 0 && { failed }) },
  };
}

function suspensionEvents({ status }: Job, conditions: JobConditions): readonly RecordedEvent[] {
  const isSuspended = isSuspendedIn(conditions);
  if (isSuspendedIn(status?.conditions) === isSuspended) return [];
  return isSuspended
    ? [{ type: "Normal", reason: "Suspended", message: "Job suspended" }]
    : [{ type: "Normal", reason: "Resumed", message: "Job resumed" }];
}

function endEvent({ type, reason, message }: JobEnd): RecordedEvent {
  return type === "Complete"
    ? { type: "Normal", reason: "Completed", message: "Job completed" }
    : { type: "Warning", reason, message };
}

/** How long until a finished job is deleted: 0 is now, undefined never. */
export function untilDeletedMs({ spec, status }: Job, now: Date): number | undefined {
  const { ttlSecondsAfterFinished: seconds } = spec;
  const end = status?.conditions?.find(({ type, status: value }) => END_TYPES.has(type) && value === "True");
  if (seconds === undefined || end?.lastTransitionTime === undefined) return undefined;
  return Math.max(0, Date.parse(end.lastTransitionTime) + seconds * 1000 - now.getTime());
}

const END_TYPES: ReadonlySet<string> = new Set(["Complete", "Failed"]);
