/** Label selectors of pods, compiled, with a text that is equal for selectors that say the same. */
import type { LabelSelector } from "#api/meta/label-selector.ts";
import type { LabelRequirement, Labels } from "#api/selectors/label-requirement.ts";
import { labelSelectorRequirements } from "#api/selectors/label-selector.ts";
import { formatRequirements, labelMatcher } from "#api/selectors/parse-label-selector.ts";

export interface PodSelector {
  readonly key: string;
  /** All must hold; none for a selector of nothing. */
  readonly requirements: readonly LabelRequirement[];
  matches(labels: Labels | undefined): boolean;
}

const NOTHING: PodSelector = { key: "<nothing>", requirements: [], matches: () => false };

/** An absent selector selects nothing, whatever `more` says. */
export function compileSelector(
  selector: LabelSelector | undefined,
  more: readonly LabelRequirement[] = [],
): PodSelector {
  if (selector === undefined) return NOTHING;
  return selectorOf([...labelSelectorRequirements(selector), ...more]);
}

export function selectorOf(conditions: readonly LabelRequirement[]): PodSelector {
  const { requirements, matches } = labelMatcher(conditions);
  return { key: formatRequirements(requirements), requirements, matches };
}

/** The pod's own values of these labels as conditions on others; labels that it has not are left out. */
export function ownLabels(
  labels: Labels,
  keys: readonly string[] | undefined,
  operator: "in" | "notin",
): readonly LabelRequirement[] {
  return (keys ?? []).flatMap((key) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}
