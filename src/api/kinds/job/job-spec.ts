/** What a job should do. Source: Kubernetes API reference, batch/v1 JobSpec; defaults as the API server sets them. */
import { labelSelector } from "../../meta/label-selector.ts";
import { boolean, field, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";
import { podTemplateSpec } from "../pod/pod-template.ts";
import { count, longCount } from "../workload/count.ts";
import { podFailurePolicy } from "./pod-failure-policy.ts";
import { successPolicy } from "./success-policy.ts";

const MAX_INT32 = 2 ** 31 - 1;

export const jobSpec = object("io.k8s.api.batch.v1.JobSpec", "What a job should do.", {
  parallelism: field(1, count, "Number of pods that may run at the same time.", { default: 1, pointer: true }),
  completions: field(2, count, "Number of pods that must succeed; absent: any one of parallel pods.", {
    default: ({ parallelism }) => (parallelism === undefined ? 1 : undefined),
    pointer: true,
  }),
  activeDeadlineSeconds: field(3, longCount, "Seconds after its start at which the job is ended.", { pointer: true }),
  podFailurePolicy: field(11, podFailurePolicy, "What happens when pods fail.", { immutable: true, pointer: true }),
  successPolicy: field(16, successPolicy, "When the job has succeeded.", { immutable: true, pointer: true }),
  backoffLimit: field(7, count, "Failed pods after which the job fails.", {
    default: ({ backoffLimitPerIndex: perIndex }) => (perIndex === undefined ? 6 : MAX_INT32),
    pointer: true,
  }),
  backoffLimitPerIndex: field(12, count, "Failed pods of an index after which the index fails.", {
    immutable: true,
    pointer: true,
  }),
  maxFailedIndexes: field(13, count, "Failed indexes after which the job fails.", { pointer: true }),
  selector: field(4, labelSelector, "Labels of its pods; set by the server unless manualSelector is true.", {
    immutable: true,
    pointer: true,
  }),
  manualSelector: field(5, boolean, "True: selector and labels are the client's.", { default: false, pointer: true }),
  template: field(6, podTemplateSpec, "What pods are made from.", { required: true, default: {} }),
  ttlSecondsAfterFinished: field(8, count, "Seconds after its end at which the job is deleted.", { pointer: true }),
  completionMode: field(9, oneOf("Indexed", "NonIndexed"), "Indexed: each pod has a number of its own.", {
    default: "NonIndexed",
    immutable: true,
    pointer: true,
  }),
  suspend: field(10, boolean, "True: it has no pods until this changes.", { default: false, pointer: true }),
  podReplacementPolicy: field(
    14,
    oneOf("Failed", "TerminatingOrFailed"),
    "Whether a pod is replaced as soon as it ends or only when it has ended.",
    {
      default: ({ podFailurePolicy: policy }) => (policy === undefined ? "TerminatingOrFailed" : "Failed"),
      pointer: true,
    },
  ),
  managedBy: field(15, string, "Controller that takes care of it.", { immutable: true, pointer: true }),
});
export type JobSpec = ValueOf<typeof jobSpec>;
