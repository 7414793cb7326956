/** A policy test of as many cases as a benchmark wants: four namespaces that each keep to themselves. Pure. */
import type { PolicyTestDefinition } from "#policy-test/define-test.ts";

export const TEST_NODES = 3;
const NAMESPACES = 4;
const PODS_EACH = 3;
const PORT = 8080;

/** At most 132: each pod to each other one. */
export function sampleTest(cases: number): PolicyTestDefinition {
  const namespaces = Array.from({ length: NAMESPACES }, (_, number) => `team-${number}`);
  const pods = namespaces.flatMap((namespace) =>
    Array.from({ length: PODS_EACH }, (_, number) => ({ namespace, id: `${namespace}/pod-${number}` })),
  );
  const pairs = pods.flatMap((from) => pods.flatMap((to) => (from === to ? [] : [{ from, to }])));
  if (cases > pairs.length) throw new RangeError(`Cannot make ${cases} cases: there are ${pairs.length} pairs of pods`);
  return {
    name: "bench",
    nodes: TEST_NODES,
    ipFamilies: "IPv4",
    pods: Object.fromEntries(pods.map(({ id }) => [id, { ports: [PORT] }])),
    policies: namespaces.map((namespace) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "own-namespace", namespace },
      spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] },
    })),
    // Spread over all, so that fewer cases are of the same kinds.
    expectations: Array.from({ length: cases }, (_, number) => pairs[Math.floor((number * pairs.length) / cases)])
      .filter((pair) => pair !== undefined)
      .map(({ from, to }) => ({
        from: from.id,
        to: to.id,
        port: PORT,
        expect: from.namespace === to.namespace ? ("allow" as const) : ("deny" as const),
      })),
  };
}
