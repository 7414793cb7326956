/**
 * Which states a job can go to: an end is an end, and counts do not fall. Source: validation of the API server,
 * batch/v1; so are the texts.
 */
import { type FieldError, invalid, required } from "../../field-error.ts";
import type { JobSpec } from "./job-spec.ts";
import { hasJobCondition, isJobFinished, type JobStatus } from "./job-status.ts";

interface JobLike {
  readonly spec: JobSpec;
  readonly status?: JobStatus | undefined;
}

export function validateJobStatus(next: JobLike, old: JobLike): readonly FieldError[] {
  const status = next.status ?? {};
  const before = old.status ?? {};
  return [
    ...validateConditions(status, before),
    ...validateTimes(next, old),
    ...validateCounts(next.spec, status, before),
  ];
}

function validateConditions(status: JobStatus, before: JobStatus): readonly FieldError[] {
  const has = (type: string) => hasJobCondition(status, type);
  const clashes = [
    ["Complete", "Failed"],
    ["Complete", "FailureTarget"],
    ["SuccessCriteriaMet", "Failed"],
    ["SuccessCriteriaMet", "FailureTarget"],
  ] as const;
  const terminal = ["Failed", "Complete", "FailureTarget", "SuccessCriteriaMet"];
  return [
    ...clashes
      .filter(([one, other]) => has(one) && has(other))
      .map(([one, other]) => invalidConditions(`cannot set ${one}=True and ${other}=true conditions`)),
    ...terminal
      .filter((type) => hasJobCondition(before, type) && !has(type))
      .map((type) => {
        const what = type === "SuccessCriteriaMet" ? "the" : "the terminal";
        return invalidConditions(`cannot disable ${what} ${type}=True condition`);
      }),
  ];
}

function validateTimes(next: JobLike, old: JobLike): readonly FieldError[] {
  const { startTime, completionTime } = next.status ?? {};
  const before = old.status ?? {};
  const isComplete = hasJobCondition(next.status, "Complete");
  const path = "status.completionTime";
  const removesStart = before.startTime !== undefined && before.startTime !== startTime;
  return [
    ...(completionTime !== undefined && !isComplete
      ? [invalid(path, completionTime, "cannot set completionTime when there is no Complete=True condition")]
      : []),
    ...(completionTime === undefined && isComplete
      ? [required(path, "completionTime is required for Complete jobs")]
      : []),
    ...(startTime !== undefined && completionTime !== undefined && Date.parse(completionTime) < Date.parse(startTime)
      ? [invalid(path, completionTime, "completionTime cannot be set before startTime")]
      : []),
    ...(completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime
      ? [invalid(path, completionTime, "completionTime cannot be mutated")]
      : []),
    ...(startTime === undefined && isJobFinished(next.status)
      ? [required("status.startTime", "startTime is required for finished job")]
      : []),
    ...(removesStart && next.spec.suspend !== true
      ? [required("status.startTime", "startTime cannot be removed for unsuspended job")]
      : []),
  ];
}

function validateCounts(spec: JobSpec, status: JobStatus, before: JobStatus): readonly FieldError[] {
  const { active = 0, succeeded = 0, failed = 0, terminating = 0, uncountedTerminatedPods: uncounted } = status;
  const isFinished = isJobFinished(status);
  const isElastic = spec.completionMode === "Indexed" && spec.completions === spec.parallelism;
  const waiting = (uncounted?.failed ?? []).length + (uncounted?.succeeded ?? []).length;
  const rules: readonly (readonly [isBroken: boolean, member: string, value: unknown, text: string])[] = [
    [isFinished && active > 0, "active", active, "active>0 is invalid for finished job"],
    [isFinished && terminating > 0, "terminating", terminating, "terminating>0 is invalid for finished job"],
    [
      isFinished && waiting > 0,
      "uncountedTerminatedPods",
      uncounted,
      "uncountedTerminatedPods needs to be empty for finished job",
    ],
    [failed < (before.failed ?? 0), "failed", failed, "cannot decrease the failed counter"],
    [
      succeeded < (before.succeeded ?? 0) && !isElastic,
      "succeeded",
      succeeded,
      "cannot decrease the succeeded counter",
    ],
  ];
  return rules
    .filter(([isBroken]) => isBroken)
    .map(([, member, value, text]) => invalid(`status.${member}`, value, text));
}

/** Without the value, which would be all conditions. */
function invalidConditions(text: string): FieldError {
  return { field: "status.conditions", reason: "FieldValueInvalid", message: `Invalid value: ${text}` };
}
