/**
 * What holds for every kind that keeps pods running: its selector is not empty and selects the pods of its template,
 * which restart always. Source: Kubernetes API reference, apps/v1; the texts are those of the API server.
 */
import { childPath, type FieldError, forbidden, invalid, notSupported } from "../../field-error.ts";
import type { LabelSelector } from "../../meta/label-selector.ts";
import { labelSelectorMatcher, validateLabelSelector } from "../../selectors/label-selector.ts";
import type { PodTemplateSpec } from "../pod/pod-template.ts";

interface ReplicatedPods {
  readonly selector?: LabelSelector | undefined;
  readonly template?: PodTemplateSpec | undefined;
}

/** `names`: of the kind, as it stands in the two texts that name it. */
export function validateReplicatedPods(
  { selector, template }: ReplicatedPods,
  names: { readonly inSelectorText: string; readonly inDeadlineText: string },
): readonly FieldError[] {
  const { activeDeadlineSeconds, restartPolicy = "Always" } = template?.spec ?? {};
  const deadline = "spec.template.spec.activeDeadlineSeconds";
  return [
    ...validateLabelSelector(selector, "spec.selector"),
    ...(selector !== undefined && isEmptySelector(selector)
      ? [invalid("spec.selector", selector, `empty selector is invalid for ${names.inSelectorText}`)]
      : validateTemplateLabels(selector, template)),
    ...(restartPolicy === "Always"
      ? []
      : [notSupported("spec.template.spec.restartPolicy", restartPolicy, ["Always"])]),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [forbidden(deadline, `activeDeadlineSeconds in ${names.inDeadlineText} is not Supported`)]),
  ];
}

/** An absent selector selects nothing, so that it does not match, either. */
export function validateTemplateLabels(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): readonly FieldError[] {
  const labels = template?.metadata?.labels;
  if (labelSelectorMatcher(selector)(labels)) return [];
  const path = childPath("spec.template.metadata", "labels");
  return [invalid(path, labels, "`selector` does not match template `labels`")];
}

function isEmptySelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}
