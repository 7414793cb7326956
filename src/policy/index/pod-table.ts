/** Pods by namespace and label, so that a new selector finds its pods without asking all of them. */
import type { Labels } from "#api/selectors/label-requirement.ts";
import type { Requirements } from "../selection.ts";
import { addTo, removeFrom } from "../selector-index.ts";

export interface Labelled {
  readonly namespace: string;
  readonly labels: Labels;
}

export interface PodTable<P extends Labelled> {
  add(pod: P): void;
  delete(pod: P): void;
  ofNamespace(namespace: string): Iterable<P>;
  /** All that meet the requirements; some that do not. */
  candidates(namespace: string, requirements: Requirements): Iterable<P>;
}

export function createPodTable<P extends Labelled>(): PodTable<P> {
  const byNamespace = new Map<string, Set<P>>();
  const byLabel = new Map<string, Set<P>>();
  const none: ReadonlySet<P> = new Set();

  // Names of namespaces and labels' keys have no "=" and no space.
  const labelKey = (namespace: string, key: string, value: string): string => `${namespace} ${key}=${value}`;
  const labelKeys = ({ namespace, labels }: P): readonly string[] =>
    Object.entries(labels).flatMap(([key, value]) => (value === undefined ? [] : [labelKey(namespace, key, value)]));

  return {
    add(pod) {
      addTo(byNamespace, pod.namespace, pod);
      for (const key of labelKeys(pod)) addTo(byLabel, key, pod);
    },
    delete(pod) {
      removeFrom(byNamespace, pod.namespace, pod);
      for (const key of labelKeys(pod)) removeFrom(byLabel, key, pod);
    },
    ofNamespace: (namespace) => byNamespace.get(namespace) ?? none,
    candidates(namespace, requirements) {
      const pods = byNamespace.get(namespace) ?? none;
      const wanted = requirements.find(({ operator }) => operator === "=" || operator === "in");
      if (wanted === undefined) return pods;
      const sets = wanted.values.map((value) => byLabel.get(labelKey(namespace, wanted.key, value)) ?? none);
      return sets.length === 1 ? (sets[0] ?? none) : sets.flatMap((set) => [...set]);
    },
  };
}
