/**
 * Label selectors as objects (`spec.selector` of a Deployment): as a matcher, as text, and what is wrong with one
 * beyond its single fields. Source: Kubernetes API reference, meta/v1 LabelSelector.
 */
import { childPath, type FieldError, forbidden, indexPath, required } from "../field-error.ts";
import type { LabelSelector } from "../meta/label-selector.ts";
import type { LabelOperator, LabelRequirement, Labels } from "./label-requirement.ts";
import { formatRequirements, type LabelMatcher, labelMatcher } from "./parse-label-selector.ts";

const OPERATORS = { In: "in", NotIn: "notin", Exists: "exists", DoesNotExist: "!" } as const satisfies Readonly<
  Record<string, LabelOperator>
>;

const matchers = new WeakMap<LabelSelector, LabelMatcher>();
const selectsNothing = () => false;

/** An absent selector selects nothing, an empty one everything. Objects are immutable: each is compiled once. */
export function labelSelectorMatcher(selector: LabelSelector | undefined): (labels: Labels | undefined) => boolean {
  return selector === undefined ? selectsNothing : matcherOf(selector).matches;
}

/** "app=web,tier in (a,b)"; empty for a selector that selects everything, as for an absent one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  return selector === undefined ? "" : formatRequirements(matcherOf(selector).requirements);
}

export function labelSelectorRequirements({ matchLabels, matchExpressions }: LabelSelector) {
  return [
    ...Object.entries(matchLabels ?? {}).map(
      ([key, value]): LabelRequirement => ({ key, operator: "=", values: [value] }),
    ),
    ...(matchExpressions ?? []).map(
      ({ key, operator, values }): LabelRequirement => ({
        key,
        operator: OPERATORS[operator],
        values: values?.toSorted() ?? [],
      }),
    ),
  ];
}

/** Which operators take values; keys and values themselves are the schema's. `path`: "spec.selector". */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): readonly FieldError[] {
  return (selector?.matchExpressions ?? []).flatMap(({ operator, values = [] }, index) => {
    const field = childPath(indexPath(childPath(path, "matchExpressions"), index), "values");
    switch (operator) {
      case "In":
      case "NotIn":
        return values.length > 0 ? [] : [required(field, "must be specified when `operator` is 'In' or 'NotIn'")];
      case "Exists":
      case "DoesNotExist":
        return values.length === 0
          ? []
          : [forbidden(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
      default:
        return [];
    }
  });
}

function matcherOf(selector: LabelSelector): LabelMatcher {
  const known = matchers.get(selector);
  if (known !== undefined) return known;
  const matcher = labelMatcher(labelSelectorRequirements(selector));
  matchers.set(selector, matcher);
  return matcher;
}
