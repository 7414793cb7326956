/**
 * How a Job ends: the reason is known before its last pods are gone, and stands in an interim condition until then.
 * Source: Kubernetes documentation, "Jobs" (job termination and clean-up, terminal conditions); reasons and texts are
 * Kubernetes' own.
 */
import type { JobStatus } from "#api/kinds/job/job-status.ts";
import { timeText } from "../../resources/stored-object.ts";

export type JobConditions = NonNullable<JobStatus["conditions"]>;
type Condition = JobConditions[number];

export interface JobEnd {
  readonly type: "Complete" | "Failed";
  readonly reason: string;
  readonly message: string;
}

export const COMPLETED: JobEnd = {
  type: "Complete",
  reason: "CompletionsReached",
  message: "Reached expected number of succeeded pods",
};
export const BACKOFF_LIMIT_EXCEEDED: JobEnd = {
  type: "Failed",
  reason: "BackoffLimitExceeded",
  message: "Job has reached the specified backoff limit",
};
export const DEADLINE_EXCEEDED: JobEnd = {
  type: "Failed",
  reason: "DeadlineExceeded",
  message: "Job was active longer than specified deadline",
};

const INTERIM = { Complete: "SuccessCriteriaMet", Failed: "FailureTarget" } as const;

/** What was decided earlier and stays so. */
export function decidedEnd(conditions: JobConditions = []): JobEnd | undefined {
  const found = conditions.find(
    ({ type, status }) => status === "True" && Object.values<string>(INTERIM).includes(type),
  );
  if (found === undefined) return undefined;
  const { type, reason = "", message = "" } = found;
  return { type: type === INTERIM.Complete ? "Complete" : "Failed", reason, message };
}

/** `isOver`: its last pods are gone. */
export function withEnd(
  conditions: JobConditions,
  { type, reason, message }: JobEnd,
  { isOver, now }: { readonly isOver: boolean; readonly now: Date },
): JobConditions {
  const interim = withCondition(conditions, { type: INTERIM[type], status: "True", reason, message }, now);
  return isOver ? withCondition(interim, { type, status: "True", reason, message }, now) : interim;
}

export function isSuspendedIn(conditions: JobConditions = []): boolean {
  return conditions.some(({ type, status }) => type === "Suspended" && status === "True");
}

export function withSuspension(conditions: JobConditions, isSuspended: boolean, now: Date): JobConditions {
  if (isSuspendedIn(conditions) === isSuspended) return conditions;
  return withCondition(
    conditions,
    isSuspended
      ? { type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" }
      : { type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" },
    now,
  );
}

/** A condition that says the same stays as it is. */
function withCondition(
  conditions: JobConditions,
  next: Pick<Condition, "type" | "status" | "reason" | "message">,
  now: Date,
): JobConditions {
  const before = conditions.find(({ type }) => type === next.type);
  if (before?.status === next.status && before.reason === next.reason) return conditions;
  const time = timeText(now);
  const condition: Condition = { ...next, lastProbeTime: time, lastTransitionTime: time };
  return before === undefined
    ? [...conditions, condition]
    : conditions.map((each) => (each === before ? condition : each));
}
