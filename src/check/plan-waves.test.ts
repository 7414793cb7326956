import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { type ClusterAccess, OUTSIDE_NAME, podName } from "#trace/cluster-access.ts";
import { type Probe, planProbes } from "./plan-probes.ts";
import { countNeighbours, planWaves } from "./plan-waves.ts";

const LIMIT = 1024;

function cluster(nodes: number, podsPerNode: number): ClusterAccess {
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  return {
    name: "test",
    nodes: numbers.map((number) => ({
      name: `node${number}`,
      netnsPath: "/x",
      underlayAddresses: [parseAddress(`192.0.2.${number}`), parseAddress(`2001:db8::${number}`)],
      podCidrs: [],
    })),
    pods: numbers.flatMap((number) =>
      Array.from({ length: podsPerNode }, (_, index) => ({
        namespace: "default",
        name: `p${number}-${index}`,
        uid: `${number}-${index}`,
        node: `node${number}`,
        ips: [parseAddress(`10.244.${number}.${index + 2}`), parseAddress(`fd00:${number}::${index + 2}`)],
        netnsPath: "/x",
        isHostNetwork: false,
      })),
    ),
    outside: { netnsPath: "/x", addresses: [parseAddress("203.0.113.1"), parseAddress("2001:db8:1::1")] },
  };
}

function probesOf(access: ClusterAccess): readonly Probe[] {
  return planProbes(access, { mtuBytes: new Map(access.pods.map((pod) => [podName(pod), 1450])) });
}

/** As a kernel would see it: who has to know whom, by namespace and by what has the next address. */
function knownNeighbours(probes: readonly Probe[], family: 4 | 6): ReadonlySet<string> {
  const known = new Set<string>();
  const learn = (one: string, other: string): void => {
    known.add(`${one} knows ${other}`).add(`${other} knows ${one}`);
  };
  for (const { from, to } of probes.filter((probe) => probe.family === family)) {
    const isPod = (namespace: string): boolean => namespace.startsWith("pod ");
    if (from.node === to.node) learn(from.namespace, to.namespace);
    else {
      learn(from.node, to.node);
      for (const { namespace, node } of [from, to]) if (isPod(namespace)) learn(namespace, node);
    }
  }
  return known;
}

test("planWaves sends all at once where the table has room", () => {
  for (const [nodes, pods] of [
    [1, 1],
    [3, 10],
    [2, 19],
  ] as const) {
    const probes = probesOf(cluster(nodes, pods));
    assert.deepEqual(planWaves(probes, LIMIT), [probes]);
  }
});

for (const [nodes, pods, count] of [
  [20, 10, 6],
  [10, 20, 8],
  [2, 100, 26],
  [50, 2, 7],
] as const) {
  test(`planWaves of ${nodes} nodes with ${pods} pods each: every probe once, few waves, and none overflows the table`, () => {
    const probes = probesOf(cluster(nodes, pods));
    const waves = planWaves(probes, LIMIT);
    assert.deepEqual(new Set(waves.flat()), new Set(probes));
    assert.equal(waves.flat().length, probes.length);
    assert.equal(waves.length, count);
    for (const wave of waves) {
      assert.ok(wave.length > 0);
      for (const family of [4, 6] as const) assert.ok(knownNeighbours(wave, family).size <= LIMIT);
    }
  });
}

test("countNeighbours counts each entry of a namespace once, in the fuller table", () => {
  const probes = probesOf(cluster(2, 2)).filter(({ to }) => to.namespace !== OUTSIDE_NAME);
  // 4 pods and their gateway know each other; 2 pods of each node do; both nodes do.
  assert.equal(countNeighbours(probes), 4 * 2 + 2 * 2 + 2);
  assert.equal(countNeighbours(probes.filter(({ family }) => family === 6)), 14);
  assert.equal(countNeighbours([]), 0);
});
