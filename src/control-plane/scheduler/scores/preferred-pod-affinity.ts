/**
 * Preferred pod affinity and anti-affinity: every pod that is meant counts with the weight of the term, for all nodes
 * of its part of the cluster. The wishes of existing pods about this one count as well, and their required affinity
 * as a small wish to be together.
 */
import { termMeans } from "../pod/affinity-term.ts";
import { queryOf } from "../pod/pod-query.ts";
import type { PodCounts } from "../snapshot.ts";
import { MAX_SCORE, type Score } from "./score.ts";

/** By topology key, then by its value. */
type Sums = Map<string, Map<string, number>>;

export const preferredPodAffinity: Score = {
  name: "InterPodAffinity",
  weight: 2,
  rate(demand, nodes, snapshot) {
    const sums: Sums = new Map();
    for (const { term, weight } of demand.terms.preferred) {
      addUp(sums, term.topologyKey, weight, snapshot.countPods(queryOf([term], snapshot)));
    }
    for (const { term, weight, counts } of snapshot.preferencesAbout(demand)) {
      if (termMeans(term, demand, snapshot.namespaceLabels)) addUp(sums, term.topologyKey, weight, counts);
    }
    if (sums.size === 0) return undefined;
    const values = nodes.map(({ topology }) => {
      let value = 0;
      for (const [key, parts] of sums) value += parts.get(topology.get(key) ?? "") ?? 0;
      return value;
    });
    const least = Math.min(...values);
    const range = Math.max(...values) - least;
    return range === 0 ? undefined : values.map((value) => Math.floor((MAX_SCORE * (value - least)) / range));
  },
};

function addUp(sums: Sums, key: string, weight: number, counts: PodCounts): void {
  for (const [{ topology }, count] of counts) {
    const part = topology.get(key);
    if (part === undefined) continue;
    const parts = sums.get(key) ?? new Map<string, number>();
    sums.set(key, parts);
    parts.set(part, (parts.get(part) ?? 0) + weight * count);
  }
}
