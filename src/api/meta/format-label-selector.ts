/** Selectors and labels as kubectl shows them in a column, where an empty text would look like a missing cell. */
import { formatLabelSelector } from "../selectors/label-selector.ts";
import type { LabelSelector } from "./label-selector.ts";

const NONE = "<none>";

/** "app=web,tier in (a,b)"; "<none>" for a selector that is absent or empty. */
export function formatLabelSelectorOrNone(selector: LabelSelector | undefined): string {
  return formatLabelSelector(selector) || NONE;
}

/** "app=web,tier=a", sorted; "<none>" without labels. */
export function formatLabelsOrNone(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.sort().join(",") || NONE;
}
