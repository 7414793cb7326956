/** Which existing pods terms of affinity mean, as one question to the snapshot. */
import type { PodQuery, Snapshot } from "../snapshot.ts";
import type { AffinityTerm } from "./affinity-term.ts";

/** Pods that all the terms mean. */
export function queryOf(terms: readonly AffinityTerm[], snapshot: Snapshot): PodQuery {
  const parts = terms.map(({ selector, ...term }) => ({ selector, namespaces: namespacesOf(term, snapshot) }));
  return {
    key: JSON.stringify(parts.map(({ selector, namespaces }) => [selector.key, namespaces ?? "*"])),
    namespaces: parts.find(({ namespaces }) => namespaces !== undefined)?.namespaces,
    countsTerminating: true,
    requirements: parts.flatMap(({ selector }) => selector.requirements),
    matches: ({ namespace, labels }) =>
      parts.every(
        ({ selector, namespaces }) =>
          (namespaces === undefined || namespaces.includes(namespace)) && selector.matches(labels),
      ),
  };
}

/** undefined: all of them. */
function namespacesOf(
  { namespaces, namespaceSelector }: Pick<AffinityTerm, "namespaces" | "namespaceSelector">,
  snapshot: Snapshot,
): readonly string[] | undefined {
  if (namespaceSelector === undefined) return namespaces;
  const { matchLabels = {}, matchExpressions = [] } = namespaceSelector;
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return undefined;
  return [...new Set([...namespaces, ...snapshot.namespacesMatching(namespaceSelector)])].sort();
}
