/**
 * Counts of pods per node, for selectors that were asked for before. Pods with equal namespace and labels are one
 * class; which classes a selector counts is found once, so that a pod that comes or goes costs as much as there are
 * selectors that count it. Selectors that nobody asks for any more are forgotten.
 */
import type { LabelledPod } from "../pod/affinity-term.ts";
import type { NodeState, PodCounts, PodQuery } from "../snapshot.ts";
import { changeCount } from "./change-count.ts";
import { choicesOf, createPairIndex, pairsOf } from "./label-pairs.ts";

const MAX_COUNTERS = 1024;

export interface CountedPod extends LabelledPod {
  readonly isTerminating: boolean;
}

interface Counter {
  readonly query: PodQuery;
  readonly counts: Map<NodeState, number>;
  readonly classes: Set<PodClass>;
  /** Where it is found. */
  readonly pairs: readonly string[];
}

interface PodClass extends CountedPod {
  readonly counts: Map<NodeState, number>;
  readonly counters: Set<Counter>;
}

export interface PodCounters {
  /** `change`: 1 for a pod that comes, -1 for one that goes. */
  change(pod: CountedPod, node: NodeState, change: 1 | -1): void;
  count(query: PodQuery): PodCounts;
}

/** For selectors that can select any pod. */
const ANY = "";

export function createPodCounters(): PodCounters {
  const classes = new Map<string, PodClass>();
  const classIndex = createPairIndex<PodClass>();
  const counters = new Map<string, Counter>();
  const counterIndex = createPairIndex<Counter>();

  function beginClass({ namespace, labels, isTerminating }: CountedPod, pairs: readonly string[]): PodClass {
    const made: PodClass = { namespace, labels, isTerminating, counts: new Map(), counters: new Set() };
    classIndex.add(made, pairs);
    for (const pair of [ANY, ...pairs]) for (const counter of counterIndex.find(pair)) connect(made, counter);
    return made;
  }

  function endClass(key: string, ended: PodClass, pairs: readonly string[]): void {
    classes.delete(key);
    classIndex.delete(ended, pairs);
    for (const counter of ended.counters) counter.classes.delete(ended);
  }

  function beginCounter(query: PodQuery): Counter {
    const choices = choicesOf(query.requirements, query.namespaces);
    const counter: Counter = {
      query,
      counts: new Map(),
      classes: new Set(),
      pairs: counterIndex.smallest(choices) ?? [ANY],
    };
    counterIndex.add(counter, counter.pairs);
    const candidates = classIndex.smallest(choices)?.map(classIndex.find) ?? [classes.values()];
    for (const some of candidates) for (const each of some) connect(each, counter);
    return counter;
  }

  function endCounter(counter: Counter): void {
    counters.delete(counter.query.key);
    counterIndex.delete(counter, counter.pairs);
    for (const each of counter.classes) each.counters.delete(counter);
  }

  function connect(some: PodClass, counter: Counter): void {
    if (!isCounted(some, counter.query)) return;
    some.counters.add(counter);
    counter.classes.add(some);
    for (const [node, count] of some.counts) changeCount(counter.counts, node, count);
  }

  return {
    change(pod, node, change) {
      const pairs = pairsOf(pod);
      const key = `${pairs.toSorted().join(",")}${pod.isTerminating ? " terminating" : ""}`;
      const its = classes.get(key) ?? beginClass(pod, pairs);
      classes.set(key, its);
      changeCount(its.counts, node, change);
      for (const { counts } of its.counters) changeCount(counts, node, change);
      if (its.counts.size === 0) endClass(key, its, pairs);
    },
    count(query) {
      const counter = counters.get(query.key) ?? beginCounter(query);
      // The last one asked for is the last one forgotten.
      counters.delete(query.key);
      counters.set(query.key, counter);
      const [oldest] = counters.values();
      if (counters.size > MAX_COUNTERS && oldest !== undefined) endCounter(oldest);
      return counter.counts;
    },
  };
}

function isCounted(pod: CountedPod, { namespaces, countsTerminating, matches }: PodQuery): boolean {
  if (pod.isTerminating && !countsTerminating) return false;
  return (namespaces === undefined || namespaces.includes(pod.namespace)) && matches(pod);
}
