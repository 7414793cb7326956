import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { type SampleEndpoint, sampleService, sampleSlice } from "#service/testing/sample-service.ts";
import type { ClusterAccess } from "#trace/cluster-access.ts";
import { connectionsToSeeAll, planServiceProbes, type ServiceProbe, vantagesOf } from "./plan-service-probes.ts";
import type { ServiceObjects } from "./service-checks.ts";

const address = parseAddress;
const access: ClusterAccess = {
  name: "c",
  nodes: ["n1", "n2"].map((name, index) => ({
    name,
    netnsPath: `/ns/${name}`,
    underlayAddresses: [address(`192.168.0.${index + 1}`)],
    podCidrs: [parsePrefix(`10.0.${index}.0/24`)],
  })),
  pods: ["n1", "n2"].map((node, index) => ({
    ...{ namespace: "default", name: `pod-${node}`, uid: node, node, netnsPath: `/ns/pod-${node}` },
    ...{ ips: [address(`10.0.${index}.9`)], isHostNetwork: false },
  })),
  outside: { netnsPath: "/ns/outside", addresses: [address("203.0.113.1")] },
};

const NODE_PORT = { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] };

function plan(spec: JsonObject, endpoints: readonly SampleEndpoint[], more: Partial<ServiceObjects> = {}) {
  const objects: ServiceObjects = {
    services: [sampleService(spec)],
    slices: [sampleSlice(endpoints)],
    nodes: [],
    restricted: new Set(),
    hasClusterPolicies: false,
    ...more,
  };
  const own = (node: string) => access.nodes.find(({ name }) => name === node)?.underlayAddresses ?? [];
  return planServiceProbes(access, objects, vantagesOf(access, objects, own));
}

function describe({ check, node, client, address: to, frontend, expected, spread }: ServiceProbe): string {
  const what =
    expected.kind === "connects"
      ? `${expected.backends.map((one) => one.address).join("+")} ${expected.source}`
      : expected.kind;
  return `${node} ${client.name} → ${to}:${frontend.port} ${check} ${what}${spread === undefined ? "" : ` ${spread}`}`;
}

const TWO: readonly SampleEndpoint[] = [
  { address: "10.0.0.1", node: "n1" },
  { address: "10.0.1.1", node: "n2" },
];

const TABLE: readonly {
  readonly title: string;
  readonly spec: JsonObject;
  readonly endpoints: readonly SampleEndpoint[];
  /** Of node n1. */
  readonly expected: readonly string[];
}[] = [
  {
    title: "a clusterIP from a pod and the node; the pod's address is kept, and all backends are seen",
    spec: {},
    endpoints: TWO,
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 cluster-ip 10.0.0.1+10.0.1.1 client all",
      "n1 n1 → 10.96.0.1:80 cluster-ip 10.0.0.1+10.0.1.1 any",
    ],
  },
  {
    title: "no endpoints: refused",
    spec: {},
    endpoints: [],
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 no-endpoints refused",
      "n1 n1 → 10.96.0.1:80 no-endpoints refused",
    ],
  },
  {
    title: "internalTrafficPolicy Local without one here: dropped",
    spec: { internalTrafficPolicy: "Local" },
    endpoints: [{ address: "10.0.1.1", node: "n2" }],
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 no-endpoints dropped",
      "n1 n1 → 10.96.0.1:80 no-endpoints dropped",
    ],
  },
  {
    title: "node ports also from outside, which is given the node's address",
    spec: NODE_PORT,
    endpoints: [{ address: "10.0.1.1", node: "n2" }],
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 cluster-ip 10.0.1.1 client",
      "n1 n1 → 10.96.0.1:80 cluster-ip 10.0.1.1 any",
      "n1 pod default/pod-n1 → 192.168.0.1:30080 node-port 10.0.1.1 any",
      "n1 n1 → 192.168.0.1:30080 node-port 10.0.1.1 any",
      "n1 outside → 192.168.0.1:30080 node-port 10.0.1.1 node",
    ],
  },
  {
    title: "externalTrafficPolicy Local: dropped for the outside where there is none, served for who is inside",
    spec: { ...NODE_PORT, externalTrafficPolicy: "Local" },
    endpoints: [{ address: "10.0.1.1", node: "n2" }],
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 cluster-ip 10.0.1.1 client",
      "n1 n1 → 10.96.0.1:80 cluster-ip 10.0.1.1 any",
      "n1 pod default/pod-n1 → 192.168.0.1:30080 node-port 10.0.1.1 any",
      "n1 n1 → 192.168.0.1:30080 node-port 10.0.1.1 any",
      "n1 outside → 192.168.0.1:30080 no-endpoints dropped",
    ],
  },
  {
    title: "session affinity instead of distribution, and endpoints that are no pods see another source",
    spec: { sessionAffinity: "ClientIP" },
    endpoints: [{ address: "198.51.100.7" }],
    expected: [
      "n1 pod default/pod-n1 → 10.96.0.1:80 cluster-ip 198.51.100.7 any one",
      "n1 n1 → 10.96.0.1:80 cluster-ip 198.51.100.7 any",
    ],
  },
  {
    title: "nothing for a headless Service",
    spec: { clusterIP: "None", clusterIPs: ["None"] },
    endpoints: TWO,
    expected: [],
  },
];

for (const { title, spec, endpoints, expected } of TABLE) {
  test(`planServiceProbes plans ${title}`, () => {
    const { probes, notes } = plan(spec, endpoints);
    assert.deepEqual(probes.filter(({ node }) => node === "n1").map(describe), expected);
    assert.deepEqual(notes, []);
  });
}

test("planServiceProbes gives an address that two Services want to the first of them, as proxies do", () => {
  const services = ["web", "aaa"].map((name) => sampleService({}, { metadata: { namespace: "default", name } }));
  const { probes } = plan({}, TWO, { services });
  assert.deepEqual(new Set(probes.map(({ service }) => service)), new Set(["default/aaa"]));
});

test("planServiceProbes leaves namespaces with policies alone, and says so", () => {
  const { probes, notes } = plan({}, TWO, { restricted: new Set(["default"]) });
  assert.deepEqual(probes, []);
  assert.match(notes.join(), /namespaces with NetworkPolicies \(default\)/);
});

test("connectionsToSeeAll makes it unlikely that one of few backends is missed", () => {
  for (let backends = 2; backends <= 8; backends += 1) {
    const count = connectionsToSeeAll(backends);
    assert.ok(backends * (1 - 1 / backends) ** count <= 1e-7 && count < 150);
  }
});
