/** Which changes a job bears. Source: validation of the API server, batch/v1; so are the texts. */
import { type FieldError, invalid } from "../../field-error.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import type { PodTemplateSpec } from "../pod/pod-template.ts";
import type { JobSpec } from "./job-spec.ts";
import type { JobStatus } from "./job-status.ts";

interface JobLike {
  readonly spec: JobSpec;
  readonly status?: JobStatus | undefined;
}

export function validateJobUpdate(next: JobLike, old: JobLike): readonly FieldError[] {
  return [...validateCompletions(next.spec, old.spec), ...validateTemplate(next, old)];
}

/** Indexed jobs may grow and shrink, with as many pods at the same time. */
function validateCompletions(next: JobSpec, old: JobSpec): readonly FieldError[] {
  const { completions, parallelism, completionMode } = next;
  if (completions === old.completions) return [];
  const path = "spec.completions";
  if (completionMode !== "Indexed") return [invalid(path, completions, "field is immutable")];
  return completions === undefined || completions === parallelism
    ? []
    : [invalid(path, completions, "can only be modified in tandem with spec.parallelism")];
}

/** A job that waits to be started may still learn where its pods go. */
function validateTemplate(next: JobLike, old: JobLike): readonly FieldError[] {
  const isWaiting = old.spec.suspend === true && old.status?.startTime === undefined;
  const isSame = isWaiting
    ? jsonEqual(withoutPlacement(next.spec.template), withoutPlacement(old.spec.template))
    : jsonEqual(next.spec.template, old.spec.template);
  return isSame ? [] : [invalid("spec.template", next.spec.template, "field is immutable")];
}

function withoutPlacement(template: PodTemplateSpec) {
  const { labels: _labels, annotations: _annotations, ...metadata } = template.metadata ?? {};
  const {
    affinity,
    nodeSelector: _selector,
    tolerations: _tolerations,
    schedulingGates: _gates,
    ...spec
  } = template.spec;
  const { nodeAffinity: _nodeAffinity, ...otherAffinity } = affinity ?? {};
  return { metadata, spec: { ...spec, affinity: otherAffinity } };
}
