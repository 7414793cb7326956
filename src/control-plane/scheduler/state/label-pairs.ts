/**
 * Labels as texts to find things by: a pod has its pairs ("app=web", and one for its namespace); a selector offers
 * choices, each a list of pairs of which a selected pod has one. So neither is compared with all of the other.
 */
import type { LabelRequirement } from "#api/selectors/label-requirement.ts";
import type { LabelledPod } from "../pod/affinity-term.ts";

export type Choices = readonly (readonly string[])[];

/** Sets of things by pair; empty sets are removed. */
export interface PairIndex<T> {
  add(item: T, pairs: readonly string[]): void;
  delete(item: T, pairs: readonly string[]): void;
  find(pair: string): Iterable<T>;
  /** The choice with the fewest things; undefined when there is none to choose. */
  smallest(choices: Choices): readonly string[] | undefined;
}

export function pairsOf({ namespace, labels }: LabelledPod): readonly string[] {
  return [inNamespace(namespace), ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)];
}

/** `namespaces` undefined: all. */
export function choicesOf(
  requirements: readonly LabelRequirement[],
  namespaces: readonly string[] | undefined,
): Choices {
  const byLabel = requirements
    .filter(({ operator }) => operator === "=" || operator === "in")
    .map(({ key, values }) => values.map((value) => `${key}=${value}`));
  return namespaces === undefined ? byLabel : [namespaces.map(inNamespace), ...byLabel];
}

export function createPairIndex<T>(): PairIndex<T> {
  const sets = new Map<string, Set<T>>();
  const sizeOf = (pairs: readonly string[]): number =>
    pairs.reduce((sum, pair) => sum + (sets.get(pair)?.size ?? 0), 0);
  return {
    add(item, pairs) {
      for (const pair of pairs) sets.set(pair, (sets.get(pair) ?? new Set()).add(item));
    },
    delete(item, pairs) {
      for (const pair of pairs) {
        const set = sets.get(pair);
        set?.delete(item);
        if (set?.size === 0) sets.delete(pair);
      }
    },
    find: (pair) => sets.get(pair) ?? [],
    smallest: (choices) => choices.toSorted((a, b) => sizeOf(a) - sizeOf(b))[0],
  };
}

/** No label begins so. */
function inNamespace(namespace: string): string {
  return `/${namespace}`;
}
