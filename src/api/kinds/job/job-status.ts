/** What was observed of a job. Source: Kubernetes API reference, batch/v1 JobStatus. */
import { conditionStatus } from "../../meta/condition.ts";
import { field, listBy, object, setOf, string, time, type ValueOf } from "../../schema/schema.ts";
import { count } from "../workload/count.ts";

const condition = object("io.k8s.api.batch.v1.JobCondition", "One aspect of the job's state.", {
  type: field(1, string, "Complete, Failed, Suspended, FailureTarget or SuccessCriteriaMet.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  lastProbeTime: field(3, time, "When it was last looked at."),
  lastTransitionTime: field(4, time, "When status last changed."),
  reason: field(5, string, "One word for programs."),
  message: field(6, string, "A sentence for people."),
});

const uncountedTerminatedPods = object(
  "io.k8s.api.batch.v1.UncountedTerminatedPods",
  "Pods that have ended and are not in the counts yet.",
  {
    succeeded: field(1, setOf(string, { patchMerge: false }), "UIDs of pods that succeeded."),
    failed: field(2, setOf(string, { patchMerge: false }), "UIDs of pods that failed."),
  },
);

export const jobStatus = object("io.k8s.api.batch.v1.JobStatus", "What was observed.", {
  conditions: field(1, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
  startTime: field(2, time, "When it started, or started again after a suspension."),
  completionTime: field(3, time, "When it succeeded."),
  active: field(4, count, "Number of its pods that are pending or running."),
  succeeded: field(5, count, "Number of its pods that succeeded."),
  failed: field(6, count, "Number of its pods that failed."),
  terminating: field(11, count, "Number of its pods that are going away.", { pointer: true }),
  completedIndexes: field(7, string, "Indexes that succeeded: 1,3-5."),
  failedIndexes: field(10, string, "Indexes that failed.", { pointer: true }),
  uncountedTerminatedPods: field(8, uncountedTerminatedPods, "Pods that are not in the counts yet.", {
    pointer: true,
  }),
  ready: field(9, count, "Number of its active pods that are ready.", { pointer: true }),
});
export type JobStatus = ValueOf<typeof jobStatus>;

export function hasJobCondition(status: JobStatus | undefined, type: string): boolean {
  return (status?.conditions ?? []).some((value) => value.type === type && value.status === "True");
}

export function isJobFinished(status: JobStatus | undefined): boolean {
  return hasJobCondition(status, "Complete") || hasJobCondition(status, "Failed");
}
