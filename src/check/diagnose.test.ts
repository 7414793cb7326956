import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { NamespaceFacts, WorldFacts } from "#trace/facts/world-facts.ts";
import { predictPath } from "#trace/path/predict-path.ts";
import { changed, smallWorld } from "#trace/testing/small-world.ts";
import { diagnose } from "./diagnose.ts";
import type { Failure } from "./probe-result.ts";

const A = parseAddress("10.244.1.2");
const B = parseAddress("10.244.2.2");

const lost = (bytes?: number): Failure => ({
  kind: "lost",
  message: "",
  result: {
    answered: false,
    probe: {
      check: "pod-to-pod-other-node",
      family: 4,
      protocol: "udp",
      from: { namespace: "pod default/a", node: "node1", address: A },
      to: { namespace: "pod default/b", node: "node2", address: B },
      expectSeen: [A],
      bytes,
    },
  },
});

const link = (facts: NamespaceFacts, name: string, change: object) => ({
  links: facts.links.map((one) => (one.name === name ? { ...one, ...change } : one)),
});
const without = (facts: NamespaceFacts, destination: string) => ({
  routes: facts.routes.filter((route) => `${route.destination.address}/${route.destination.length}` !== destination),
});

test("predictPath goes from pod to pod through both nodes", () => {
  const { hops, reached, stop } = predictPath(smallWorld(), "pod default/a", {
    source: A,
    destination: B,
    protocol: "udp",
    bytes: 100,
  });
  assert.equal(stop, undefined);
  assert.deepEqual(
    hops.map(({ namespace, link: name, direction }) => `${namespace} ${name} ${direction}`),
    [
      "pod default/a eth0 out",
      "node1 veth in",
      "node1 eth0 out",
      "node2 eth0 in",
      "node2 veth out",
      "pod default/b eth0 in",
    ],
  );
  assert.equal(reached?.namespace, "pod default/b");
});

const CASES: readonly (readonly [
  string,
  (world: WorldFacts) => WorldFacts,
  string,
  string,
  ("question" | "answer")?,
  number?,
])[] = [
  ["nothing wrong", (world) => world, "unknown", "pod default/b"],
  [
    "no route on node1",
    (world) => changed(world, "node1", (facts) => without(facts, "10.244.2.0/24")),
    "missing route",
    "node1",
  ],
  [
    "no route back on node2",
    (world) => changed(world, "node2", (facts) => without(facts, "10.244.1.0/24")),
    "missing route",
    "node2",
    "answer",
  ],
  [
    "no default route in the pod",
    (world) => changed(world, "pod default/a", (facts) => without(facts, "0.0.0.0/0")),
    "missing route",
    "pod default/a",
  ],
  [
    "forwarding off on node2",
    (world) => changed(world, "node2", () => ({ sysctls: { "ipv4/ip_forward": 0 } })),
    "forwarding off",
    "node2 eth0",
  ],
  [
    "eth0 of node2 with a smaller MTU, on the way back",
    (world) => changed(world, "node2", (facts) => link(facts, "eth0", { mtu: 1400 })),
    "MTU hole",
    "node2 eth0",
    "answer",
    1500,
  ],
  [
    "the pod's link down",
    (world) => changed(world, "pod default/b", (facts) => link(facts, "eth0", { up: false })),
    "link down",
    "pod default/b eth0",
  ],
  [
    "b without its address",
    (world) => changed(world, "pod default/b", () => ({ addresses: [] })),
    "missing address",
    "node2 veth",
  ],
  [
    "a next hop that nobody is",
    (world) =>
      changed(world, "node1", (facts) => ({
        routes: facts.routes.map((route) =>
          route.destination.address === "10.244.2.0" ? { ...route, gateway: parseAddress("192.0.2.9") } : route,
        ),
      })),
    "wrong gateway",
    "node1 eth0",
  ],
  [
    "a blackhole route",
    (world) =>
      changed(world, "node2", (facts) => ({
        routes: [
          ...facts.routes,
          {
            destination: parsePrefix("10.244.2.2/32"),
            type: "blackhole",
            table: 254,
            protocol: 3,
            scope: 0,
            onlink: false,
          },
        ],
      })),
    "missing route",
    "node2",
  ],
  [
    "a wrong neighbour entry",
    (world) =>
      changed(world, "node1", (facts) => ({
        neighbours: [
          {
            ifindex: 2,
            address: parseAddress("192.0.2.2"),
            mac: facts.links[0]?.mac,
            state: "permanent",
            proxy: false,
            router: false,
            externLearned: false,
          },
        ],
      })),
    "wrong neighbour",
    "node1 eth0",
  ],
  [
    "strict rp_filter without a way back by the same link",
    (world) =>
      changed(world, "node2", (facts) => ({
        ...without(facts, "10.244.1.0/24"),
        sysctls: { "ipv4/ip_forward": 1, "ipv4/conf/all/rp_filter": 1 },
      })),
    "rp_filter",
    "node2 eth0",
  ],
  [
    "both pods with one address",
    (world) =>
      changed(world, "pod default/b", (facts) => ({
        addresses: [
          ...facts.addresses,
          ...facts.addresses.map((one) => ({ ...one, prefix: parsePrefix("10.244.1.2/24") })),
        ],
      })),
    "duplicate address",
    "pod default/b eth0",
  ],
  [
    "two nodes that send to each other",
    (world) =>
      changed(world, "node2", (facts) => ({
        routes: facts.routes.map((route) =>
          route.destination.address === "10.244.2.0" ? { ...route, oif: 2, gateway: parseAddress("192.0.2.1") } : route,
        ),
      })),
    "routing loop",
    "node1",
  ],
];

for (const [title, change, cause, hop, way = "question", bytes] of CASES) {
  test(`diagnose: ${title}: ${cause}`, () => {
    const found = diagnose(change(smallWorld()), lost(bytes));
    assert.deepEqual([found.cause, found.hop, found.way], [cause, hop, way], JSON.stringify(found));
    if (cause !== "unknown") assert.notDeepEqual(found.evidence, []);
  });
}
