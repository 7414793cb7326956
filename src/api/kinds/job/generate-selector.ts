/**
 * The selector and the labels by which a job knows its pods. Source: Kubernetes documentation, "Jobs", "Pod selector".
 */
import { type FieldError, invalid, keyPath, required } from "../../field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { labelSelectorMatcher } from "../../selectors/label-selector.ts";
import type { JobSpec } from "./job-spec.ts";

export const CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid";
export const JOB_NAME_LABEL = "batch.kubernetes.io/job-name";

interface JobLike {
  readonly metadata: ObjectMeta;
  readonly spec: JobSpec;
}

/** Needs the job's name and UID. What the client set stays, and fails in validation when it is wrong. */
export function withGeneratedSelector<J extends JobLike>(job: J): J {
  const { metadata, spec } = job;
  if (spec.manualSelector === true) return withLabelsOfTemplate(job);
  const { selector, template } = spec;
  return withLabelsOfTemplate({
    ...job,
    spec: {
      ...spec,
      selector: {
        ...selector,
        matchLabels: { [CONTROLLER_UID_LABEL]: metadata.uid ?? "", ...selector?.matchLabels },
      },
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...generatedLabels(metadata), ...template.metadata?.labels } },
      },
    },
  });
}

export function validateGeneratedSelector({ metadata, spec }: JobLike): readonly FieldError[] {
  if (spec.manualSelector === true || spec.selector === undefined) return [];
  const expected = generatedLabels(metadata);
  const labels: Readonly<Record<string, string>> = spec.template.metadata?.labels ?? {};
  const wrong = Object.entries(expected).flatMap(([key, value]) => {
    const path = keyPath("spec.template.metadata.labels", key);
    if (!Object.hasOwn(labels, key)) return [required(path, `must be '${value}'`)];
    return labels[key] === value ? [] : [invalid(path, labels, `must be '${value}'`)];
  });
  return labelSelectorMatcher(spec.selector)(expected)
    ? wrong
    : [...wrong, invalid("spec.selector", spec.selector, "`selector` not auto-generated")];
}

/** Each under its old name, too. */
function generatedLabels({ name = "", uid = "" }: ObjectMeta) {
  return { "controller-uid": uid, "job-name": name, [CONTROLLER_UID_LABEL]: uid, [JOB_NAME_LABEL]: name };
}

function withLabelsOfTemplate<J extends JobLike>(job: J): J {
  const labels = job.spec.template.metadata?.labels;
  if (labels === undefined || Object.keys(job.metadata.labels ?? {}).length > 0) return job;
  return { ...job, metadata: { ...job.metadata, labels } };
}
