/**
 * Selectors by the labels that they mention: who has to look again when labels change, without asking every selector.
 * A selector can only change its mind about an object when one of its conditions does, and a condition on a label
 * changes only with the values that it names, or when the label comes or goes. So each condition is filed under
 * exactly these, and one more time each selector under one condition that an object must meet, to find the selectors
 * of a new object.
 */
import type { LabelRequirement, Labels } from "#api/selectors/label-requirement.ts";

export interface SelectorIndex<S> {
  add(item: S, requirements: readonly LabelRequirement[]): void;
  delete(item: S): void;
  readonly size: number;
  /** All whose selector can match the labels; some that do not. */
  candidates(labels: Labels): ReadonlySet<S>;
  /** All whose answer can differ between the two; some that do not. */
  affected(before: Labels, after: Labels): ReadonlySet<S>;
}

/** Labels and the conditions on them, as keys: a label's key has no space and no "=". */
const valueKey = (key: string, value: string): string => `${key}=${value}`;
const presenceKey = (key: string): string => key;
const EVERYTHING = "";

export function createSelectorIndex<S>(): SelectorIndex<S> {
  const mentions = new Map<string, Set<S>>();
  const anchors = new Map<string, Set<S>>();
  const filed = new Map<S, readonly LabelRequirement[]>();

  function collect(found: Set<S>, from: ReadonlyMap<string, Set<S>>, key: string): void {
    for (const item of from.get(key) ?? []) found.add(item);
  }

  return {
    get size() {
      return filed.size;
    },
    add(item, requirements) {
      filed.set(item, requirements);
      for (const key of mentionKeys(requirements)) addTo(mentions, key, item);
      for (const key of anchorKeys(requirements)) addTo(anchors, key, item);
    },
    delete(item) {
      const requirements = filed.get(item) ?? [];
      filed.delete(item);
      for (const key of mentionKeys(requirements)) removeFrom(mentions, key, item);
      for (const key of anchorKeys(requirements)) removeFrom(anchors, key, item);
    },
    candidates(labels) {
      const found = new Set<S>();
      collect(found, anchors, EVERYTHING);
      for (const [key, value] of Object.entries(labels)) {
        if (value === undefined) continue;
        collect(found, anchors, presenceKey(key));
        collect(found, anchors, valueKey(key, value));
      }
      return found;
    },
    affected(before, after) {
      const found = new Set<S>();
      for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
        const [old, next] = [ownValue(before, key), ownValue(after, key)];
        if (old === next) continue;
        if (old === undefined || next === undefined) collect(found, mentions, presenceKey(key));
        if (old !== undefined) collect(found, mentions, valueKey(key, old));
        if (next !== undefined) collect(found, mentions, valueKey(key, next));
      }
      return found;
    },
  };
}

/** Labels are data from outside: a key such as "constructor" must not find what every object inherits. */
function ownValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** The labels, and with a value or not, whose coming and going changes the answer. */
function mentionKeys(requirements: readonly LabelRequirement[]): readonly string[] {
  return requirements.flatMap(({ key, values }) =>
    values.length === 0 ? [presenceKey(key)] : values.map((value) => valueKey(key, value)),
  );
}

/** Labels of which an object must have one for the selector to match it. */
function anchorKeys(requirements: readonly LabelRequirement[]): readonly string[] {
  const wanted = requirements.find(({ operator }) => operator === "=" || operator === "in");
  if (wanted !== undefined) return [...new Set(wanted.values.map((value) => valueKey(wanted.key, value)))];
  const present = requirements.find(({ operator }) => operator === "exists");
  return [present === undefined ? EVERYTHING : presenceKey(present.key)];
}

export function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

export function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
