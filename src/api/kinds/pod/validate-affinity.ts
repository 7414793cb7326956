/** What holds in affinities beyond single fields. Source: the API server's validation of core/v1. */
import { childPath, type FieldError, forbidden, indexPath, invalid, required } from "../../field-error.ts";
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from "../../names.ts";
import { validateLabelSelector } from "../../selectors/label-selector.ts";
import type { Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm } from "./affinity.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(affinity: Affinity | undefined, path: string): readonly FieldError[] {
  if (affinity === undefined) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  return [
    ...validateNodeAffinity(nodeAffinity, childPath(path, "nodeAffinity")),
    ...validatePodAffinity(podAffinity, childPath(path, "podAffinity")),
    ...validatePodAffinity(podAntiAffinity, childPath(path, "podAntiAffinity")),
  ];
}

function validateNodeAffinity(affinity: Affinity["nodeAffinity"], path: string): readonly FieldError[] {
  const terms = affinity?.[REQUIRED]?.nodeSelectorTerms ?? [];
  const termsPath = childPath(childPath(path, REQUIRED), "nodeSelectorTerms");
  return [
    ...terms.flatMap((term, index) => validateTerm(term, indexPath(termsPath, index))),
    ...(affinity?.[PREFERRED] ?? []).flatMap(({ preference = {} }, index) =>
      validateTerm(preference, childPath(indexPath(childPath(path, PREFERRED), index), "preference")),
    ),
  ];
}

function validateTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, path: string) {
  return [
    ...matchExpressions.flatMap((expression, index) =>
      validateLabelRequirement(expression, indexPath(childPath(path, "matchExpressions"), index)),
    ),
    ...matchFields.flatMap((expression, index) =>
      validateFieldRequirement(expression, indexPath(childPath(path, "matchFields"), index)),
    ),
  ];
}

function validateLabelRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement,
  path: string,
): readonly FieldError[] {
  const at = childPath(path, "values");
  const keyErrors = (key ?? "") === "" ? [] : checkQualifiedName(key);
  return [
    ...validateValues(operator, values, at),
    ...keyErrors.map((problem) => invalid(childPath(path, "key"), key, problem)),
  ];
}

function validateValues(operator: NodeSelectorRequirement["operator"], values: readonly string[], path: string) {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0 ? [] : [required(path, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? []
        : [forbidden(path, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case "Gt":
    case "Lt":
      return values.length === 1
        ? []
        : [required(path, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      // The schema has said that there is no such operator.
      return [];
  }
}

function validateFieldRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement,
  path: string,
): readonly FieldError[] {
  const isIn = operator === "In" || operator === "NotIn";
  return [
    ...(isIn
      ? values.length === 1
        ? []
        : [
            required(
              childPath(path, "values"),
              "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
            ),
          ]
      : [invalid(childPath(path, "operator"), operator, "not a valid selector operator")]),
    ...(key === "metadata.name"
      ? values.flatMap((value, index) =>
          checkDnsSubdomain(value).map((problem) =>
            invalid(indexPath(childPath(path, "values"), index), value, problem),
          ),
        )
      : [invalid(childPath(path, "key"), key, "not a valid field selector key")]),
  ];
}

function validatePodAffinity(affinity: Affinity["podAffinity"], path: string): readonly FieldError[] {
  return [
    ...(affinity?.[REQUIRED] ?? []).flatMap((term, index) =>
      validatePodAffinityTerm(term, indexPath(childPath(path, REQUIRED), index)),
    ),
    ...(affinity?.[PREFERRED] ?? []).flatMap(({ podAffinityTerm: term }, index) =>
      term === undefined
        ? []
        : validatePodAffinityTerm(term, childPath(indexPath(childPath(path, PREFERRED), index), "podAffinityTerm")),
    ),
  ];
}

function validatePodAffinityTerm(term: PodAffinityTerm, path: string): readonly FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [] } = term;
  return [
    ...validateLabelSelector(labelSelector, childPath(path, "labelSelector")),
    ...validateLabelSelector(namespaceSelector, childPath(path, "namespaceSelector")),
    ...namespaces.flatMap((name) =>
      checkDnsLabel(name).map((problem) => invalid(childPath(path, "namespace"), name, problem)),
    ),
  ];
}
