/** Runs pods until enough of them have succeeded. Source: Kubernetes API reference, batch/v1 Job. */
import { ageColumn, humanDuration, nameColumn } from "../../columns.ts";
import { type FieldError, invalid } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { checkDnsLabel } from "../../names.ts";
import { field } from "../../schema/schema.ts";
import { containersColumn, imagesColumn, selectorColumn } from "../workload/template-columns.ts";
import { validateGeneratedSelector, withGeneratedSelector } from "./generate-selector.ts";
import { type JobSpec, jobSpec } from "./job-spec.ts";
import { hasJobCondition, type JobStatus, jobStatus } from "./job-status.ts";
import { validateJobSpec } from "./validate-job-spec.ts";
import { validateJobStatus } from "./validate-job-status.ts";
import { validateJobUpdate } from "./validate-job-update.ts";

export type Job = ObjectOf<typeof job>;

export const job = defineKind({
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  categories: ["all"],
  doc: "Runs pods until enough of them have succeeded.",
  fields: {
    spec: field(2, jobSpec, "What the job should do.", { required: true, default: {} }),
    status: field(3, jobStatus, "What was observed.", { default: {} }),
  },
  columns: [
    nameColumn,
    {
      name: "Status",
      type: "string",
      doc: "How far it is.",
      priority: 0,
      cell: ({ metadata, status }) => formatStatus(status, metadata.deletionTimestamp !== undefined),
    },
    {
      name: "Completions",
      type: "string",
      doc: "Pods that succeeded, of those wanted.",
      priority: 0,
      cell: ({ spec, status }) => formatCompletions(spec, status?.succeeded ?? 0),
    },
    {
      name: "Duration",
      type: "string",
      doc: "How long it took, or has taken so far.",
      priority: 0,
      cell: ({ status }, now) => formatDuration(status, now),
    },
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  fieldSelectors: {
    "status.successful": ({ status }) => String(status?.succeeded ?? 0),
  },
  prepareForCreate: (object) => withGeneratedSelector(object),
  validate: ({ metadata, spec }) => [
    ...validateGeneratedSelector({ metadata, spec }),
    ...validateJobSpec(spec),
    ...validateHostnames(metadata.name ?? "", spec),
  ],
  validateUpdate: (next, old, subresource) =>
    subresource === "status" ? validateJobStatus(next, old) : validateJobUpdate(next, old),
});

function formatStatus(status: JobStatus | undefined, isDeleted: boolean): string {
  if (hasJobCondition(status, "Complete")) return "Complete";
  if (hasJobCondition(status, "Failed")) return "Failed";
  if (isDeleted) return "Terminating";
  if (hasJobCondition(status, "Suspended")) return "Suspended";
  return hasJobCondition(status, "FailureTarget") ? "FailureTarget" : "Running";
}

/** "2/5"; "0/1 of 3" when any one of three parallel pods is enough. */
function formatCompletions({ completions, parallelism = 0 }: JobSpec, succeeded: number): string {
  if (completions !== undefined) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function formatDuration({ startTime, completionTime }: JobStatus = {}, now: Date): string {
  if (startTime === undefined) return "";
  const end = completionTime === undefined ? now.getTime() : Date.parse(completionTime);
  return humanDuration(end - Date.parse(startTime));
}

/** Pods of an indexed job are named after it and their index, and these names become host names. */
function validateHostnames(name: string, { completionMode, completions = 0 }: JobSpec): readonly FieldError[] {
  if (completionMode !== "Indexed" || completions <= 0) return [];
  const longest = `${name}-${completions - 1}`;
  return checkDnsLabel(longest).length === 0
    ? []
    : [invalid("metadata.name", name, `will not able to create pod with invalid DNS label: ${longest}`)];
}
