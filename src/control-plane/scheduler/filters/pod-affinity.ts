/**
 * Required pod affinity and anti-affinity, the pod's own and that of the pods that are there already. A pod that
 * wants to be near its own kind may be the first one.
 */
import { type AffinityTerm, termMeans } from "../pod/affinity-term.ts";
import type { PodDemand } from "../pod/pod-demand.ts";
import { queryOf } from "../pod/pod-query.ts";
import type { NodeState, PodCounts, Snapshot } from "../snapshot.ts";
import type { Filter } from "./filter.ts";

const NOT_NEAR = ["node(s) didn't match pod affinity rules"];
const TOO_NEAR = ["node(s) didn't match pod anti-affinity rules"];
const UNWANTED = ["node(s) didn't satisfy existing pods anti-affinity rules"];

/** Whether the node is in one of these parts of the cluster. */
type PlaceTest = (node: NodeState) => boolean;

export const podAffinity: Filter = {
  name: "InterPodAffinity",
  helpedBy: ["NodeAdded", "NodeLabels", "PodBound", "PodLabels", "PodRemoved", "NamespaceLabels"],
  prepare(demand, snapshot) {
    const isNear = nearTest(demand, snapshot);
    const tooNear = demand.terms.requiredAntiAffinity.map((term) =>
      placesOf(term, snapshot.countPods(queryOf([term], snapshot))),
    );
    const unwanted = unwantedPlaces(demand, snapshot);
    if (isNear === undefined && tooNear.length === 0 && unwanted.length === 0) return undefined;
    return (node) => {
      if (isNear !== undefined && !isNear(node)) return NOT_NEAR;
      if (tooNear.some((test) => test(node))) return TOO_NEAR;
      return unwanted.some((test) => test(node)) ? UNWANTED : undefined;
    };
  },
};

function nearTest(demand: PodDemand, snapshot: Snapshot): PlaceTest | undefined {
  const { requiredAffinity } = demand.terms;
  if (requiredAffinity.length === 0) return undefined;
  const counts = snapshot.countPods(queryOf(requiredAffinity, snapshot));
  const tests = requiredAffinity.map((term) => placesOf(term, counts));
  const isAnywhere = requiredAffinity.some(({ topologyKey }) =>
    [...counts.keys()].some(({ topology }) => topology.has(topologyKey)),
  );
  const meansItself = requiredAffinity.every((term) => termMeans(term, demand, snapshot.namespaceLabels));
  if (!isAnywhere && meansItself) {
    return ({ topology }) => requiredAffinity.every(({ topologyKey }) => topology.has(topologyKey));
  }
  return (node) => tests.every((test) => test(node));
}

function unwantedPlaces(demand: PodDemand, snapshot: Snapshot): readonly PlaceTest[] {
  const tests: PlaceTest[] = [];
  for (const { term, counts } of snapshot.antiAffinityAbout(demand)) {
    if (termMeans(term, demand, snapshot.namespaceLabels)) tests.push(placesOf(term, counts));
  }
  return tests;
}

/** The parts of the cluster, as the term measures it, that have some of the pods. */
function placesOf({ topologyKey }: Pick<AffinityTerm, "topologyKey">, counts: PodCounts): PlaceTest {
  const places = new Set<string>();
  for (const { topology } of counts.keys()) {
    const place = topology.get(topologyKey);
    if (place !== undefined) places.add(place);
  }
  return ({ topology }) => {
    const place = topology.get(topologyKey);
    return place !== undefined && places.has(place);
  };
}
