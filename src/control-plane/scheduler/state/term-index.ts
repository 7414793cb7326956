/** Terms of existing pods, equal ones once: the replicas of a workload have the same. */
import type { LabelledPod, WeightedTerm } from "../pod/affinity-term.ts";
import type { ExistingTerm, NodeState } from "../snapshot.ts";
import { changeCount } from "./change-count.ts";
import { choicesOf, createPairIndex, pairsOf } from "./label-pairs.ts";

interface Entry extends ExistingTerm {
  readonly counts: Map<NodeState, number>;
  /** Where it is found. */
  readonly pairs: readonly string[];
}

export interface TermIndex {
  /** `change`: 1 for a pod that comes, -1 for one that goes. */
  change(term: WeightedTerm, node: NodeState, change: 1 | -1): void;
  /** All terms that can mean that pod, and few others. */
  about(pod: LabelledPod): Iterable<ExistingTerm>;
}

/** For terms that can mean any pod. */
const ANY = "";

export function createTermIndex(): TermIndex {
  const entries = new Map<string, Entry>();
  const index = createPairIndex<Entry>();

  function begin({ term, weight }: WeightedTerm): Entry {
    const { selector, namespaces, namespaceSelector } = term;
    const choices = choicesOf(selector.requirements, namespaceSelector === undefined ? namespaces : undefined);
    const pairs = index.smallest(choices) ?? [ANY];
    const entry: Entry = { term, weight, counts: new Map(), pairs };
    index.add(entry, pairs);
    return entry;
  }

  return {
    change(weighted, node, change) {
      const key = `${weighted.weight} ${weighted.term.key}`;
      const entry = entries.get(key) ?? begin(weighted);
      entries.set(key, entry);
      changeCount(entry.counts, node, change);
      if (entry.counts.size > 0) return;
      entries.delete(key);
      index.delete(entry, entry.pairs);
    },
    *about(pod) {
      if (entries.size === 0) return;
      yield* index.find(ANY);
      for (const pair of pairsOf(pod)) yield* index.find(pair);
    },
  };
}
