import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { compileService, NOTHING } from "./compile-service.ts";
import type { Backend, Frontend, ServicePort } from "./service-port.ts";
import { NODE, type SampleEndpoint, sampleService, sampleSlice } from "./testing/sample-service.ts";

type Endpoints = readonly (string | SampleEndpoint)[];

const LOCAL = "10.0.0.1";
const FAR = { address: "10.0.0.2", node: "n2" } as const;

function onlyPort(spec: JsonObject, endpoints: Endpoints = [LOCAL, FAR], rest: JsonObject = {}): ServicePort {
  const { ports } = compileService(sampleService(spec, rest), [sampleSlice(endpoints)], NODE);
  assert.equal(ports.length, 1);
  return ports[0] ?? assert.fail();
}

function textOf({ kind, address, port, traffic, sourceRanges }: Frontend): string {
  const ranges = sourceRanges === undefined ? "" : ` from ${sourceRanges.map((one) => one.address).join() || "nobody"}`;
  return `${kind} ${address ?? "*"}:${port} ${traffic}${ranges}`;
}

const listOf = (backends: readonly Backend[]): string => backends.map(({ address }) => address.slice(7)).join();

const frontends: readonly (readonly [
  what: string,
  spec: JsonObject,
  expected: readonly string[],
  status?: JsonObject,
])[] = [
  ["a plain Service has its clusterIP", {}, ["clusterIP 10.96.0.1:80 cluster"]],
  ["internalTrafficPolicy", { internalTrafficPolicy: "Local" }, ["clusterIP 10.96.0.1:80 local"]],
  [
    "a node port",
    { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] },
    ["clusterIP 10.96.0.1:80 cluster", "nodePort *:30080 cluster"],
  ],
  [
    "externalTrafficPolicy leaves the clusterIP alone",
    { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30080 }] },
    ["clusterIP 10.96.0.1:80 cluster", "nodePort *:30080 local"],
  ],
  [
    "externalIPs of its families",
    { externalIPs: ["192.0.2.7", "2001:db8::7", "192.0.2.7"] },
    ["clusterIP 10.96.0.1:80 cluster", "externalIP 192.0.2.7:80 cluster"],
  ],
  ["an externalIP that is the clusterIP", { externalIPs: ["10.96.0.1"] }, ["clusterIP 10.96.0.1:80 cluster"]],
  [
    "addresses of a load balancer, but none in front of the nodes",
    { type: "LoadBalancer", allocateLoadBalancerNodePorts: false },
    ["clusterIP 10.96.0.1:80 cluster", "loadBalancer 203.0.113.5:80 cluster"],
    { ingress: [{ ip: "203.0.113.5" }, { ip: "203.0.113.6", ipMode: "Proxy" }, { hostname: "lb.example" }] },
  ],
  [
    "loadBalancerSourceRanges by family",
    { type: "LoadBalancer", loadBalancerSourceRanges: [" 198.51.100.0/24 ", "2001:db8::/32"] },
    ["clusterIP 10.96.0.1:80 cluster", "loadBalancer 203.0.113.5:80 cluster from 198.51.100.0"],
    { ingress: [{ ip: "203.0.113.5" }] },
  ],
  [
    "a range for everybody",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["0.0.0.0/0", "198.51.100.0/24"] },
    ["clusterIP 10.96.0.1:80 cluster", "loadBalancer 203.0.113.5:80 cluster"],
    { ingress: [{ ip: "203.0.113.5" }] },
  ],
  [
    "ranges of the other family let nobody in",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["2001:db8::/32"] },
    ["clusterIP 10.96.0.1:80 cluster", "loadBalancer 203.0.113.5:80 cluster from nobody"],
    { ingress: [{ ip: "203.0.113.5" }] },
  ],
  [
    "an address of a load balancer that is an externalIP too is limited by both names",
    { type: "LoadBalancer", externalIPs: ["203.0.113.5"], loadBalancerSourceRanges: ["198.51.100.0/24"] },
    ["clusterIP 10.96.0.1:80 cluster", "loadBalancer 203.0.113.5:80 cluster from 198.51.100.0"],
    { ingress: [{ ip: "203.0.113.5" }] },
  ],
  [
    "what a load balancer left does not count for another type",
    { type: "ClusterIP" },
    ["clusterIP 10.96.0.1:80 cluster"],
    { ingress: [{ ip: "203.0.113.5" }] },
  ],
];

for (const [what, spec, expected, loadBalancer] of frontends) {
  test(`compileService frontends: ${what}`, () => {
    const port = onlyPort(spec, [LOCAL], loadBalancer && { status: { loadBalancer } });
    assert.deepEqual(port.frontends.map(textOf), expected);
  });
}

const NODE_PORT = { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] } as const;
const LOCAL_NODE_PORT = { ...NODE_PORT, externalTrafficPolicy: "Local" } as const;
const zoned = (suffix: number, zones: readonly string[], state: SampleEndpoint["state"] = "ready"): SampleEndpoint => ({
  address: `10.0.0.${suffix}`,
  node: "n2",
  zones,
  state,
});

const endpointCases: readonly (readonly [
  what: string,
  spec: JsonObject,
  endpoints: Endpoints,
  cluster: string,
  local: string,
])[] = [
  ["all ready ones serve", {}, [FAR, LOCAL], "1,2", ""],
  ["local ones are named when somebody wants them", LOCAL_NODE_PORT, [FAR, LOCAL], "1,2", "1"],
  ["no local one", LOCAL_NODE_PORT, [FAR], "2", ""],
  ["unready ones do not serve", {}, [LOCAL, { ...FAR, state: "unready" }], "1", ""],
  ["those that go away do not serve beside ready ones", {}, [LOCAL, { ...FAR, state: "terminating" }], "1", ""],
  ["those that go away serve while there is no ready one", {}, [{ ...FAR, state: "terminating" }], "2", ""],
  ["those that have stopped to answer never serve", {}, [{ ...FAR, state: "gone" }], "", ""],
  [
    "locally those that go away serve while no local one is ready",
    LOCAL_NODE_PORT,
    [{ address: LOCAL, state: "terminating" }, FAR],
    "2",
    "1",
  ],
  ["duplicates count once, and the ready one wins", {}, [{ address: LOCAL, state: "unready" }, LOCAL], "1", ""],
  ["hints for zones", {}, [zoned(1, ["a"]), zoned(2, ["b"])], "1", ""],
  ["hints for several zones", {}, [zoned(1, ["a", "b"]), zoned(2, ["b"]), zoned(3, ["c", "a"])], "1,3", ""],
  ["no hints on one of the endpoints", {}, [zoned(1, ["a"]), zoned(2, [])], "1,2", ""],
  ["no endpoint for this zone", {}, [zoned(1, ["b"]), zoned(2, ["c"])], "1,2", ""],
  ["unready endpoints need no hints", {}, [zoned(1, ["a"]), zoned(2, [], "unready"), zoned(3, ["b"])], "1", ""],
  [
    "a ready endpoint of another zone is no reason to use one that goes away",
    {},
    [zoned(1, ["a"], "terminating"), zoned(2, ["b"])],
    "2",
    "",
  ],
  [
    "hints for nodes come first",
    {},
    [
      { ...zoned(1, ["a"]), nodes: ["n1"] },
      { ...zoned(2, ["a"]), nodes: ["n2"] },
    ],
    "1",
    "",
  ],
  [
    "hints for other nodes leave those for zones",
    {},
    [
      { ...zoned(1, ["a"]), nodes: ["n3"] },
      { ...zoned(2, ["b"]), nodes: ["n2"] },
    ],
    "1",
    "",
  ],
  [
    "hints do not matter to who wants the node's own",
    LOCAL_NODE_PORT,
    [{ ...zoned(1, ["b"]), node: "n1" }, zoned(2, ["a"])],
    "2",
    "1",
  ],
  ["no endpoints", {}, [], "", ""],
];

for (const [what, spec, endpoints, cluster, local] of endpointCases) {
  test(`compileService backends: ${what}`, () => {
    const port = onlyPort(spec, endpoints);
    assert.deepEqual([listOf(port.cluster), listOf(port.local)], [cluster, local]);
  });
}

test("compileService gives a port for each port, protocol and family, by name", () => {
  const service = sampleService({
    clusterIPs: ["10.96.0.1", "fd00:96::1"],
    ipFamilies: ["IPv4", "IPv6"],
    ipFamilyPolicy: "RequireDualStack",
    ports: [
      { name: "dns", port: 53, protocol: "UDP", targetPort: "dns" },
      { name: "web", port: 80 },
      { name: "sig", port: 2905, protocol: "SCTP" },
    ],
  });
  const slices = [
    sampleSlice([LOCAL], {
      ports: [
        { name: "dns", port: 5353, protocol: "UDP" },
        { name: "web", port: 8080 },
        { name: "sig", port: 29050, protocol: "SCTP" },
      ],
    }),
    sampleSlice([FAR], {
      ports: [
        { name: "dns", port: 1053, protocol: "UDP" },
        { name: "web", port: 80, protocol: "UDP" },
      ],
    }),
    sampleSlice(["2001:db8::1"], { addressType: "IPv6", ports: [{ name: "web", port: 8080 }] }),
  ];
  const { ports } = compileService(service, slices, NODE);
  assert.deepEqual(
    ports.map(({ id, cluster }) => `${id} ${cluster.map(({ address, port }) => `${address}>${port}`).join()}`),
    [
      "default/web:dns/UDP/4 10.0.0.1>5353,10.0.0.2>1053",
      "default/web:dns/UDP/6 ",
      "default/web:web/TCP/4 10.0.0.1>8080",
      "default/web:web/TCP/6 2001:db8::1>8080",
      "default/web:sig/SCTP/4 10.0.0.1>29050",
      "default/web:sig/SCTP/6 ",
    ],
  );
});

for (const [what, spec, labels] of [
  ["headless", { clusterIP: "None", clusterIPs: ["None"] }, {}],
  ["ExternalName", { type: "ExternalName", externalName: "example.com" }, {}],
  ["another proxy's", {}, { "service.kubernetes.io/service-proxy-name": "other" }],
] as const) {
  test(`compileService gives nothing for a Service that is ${what}`, () => {
    const metadata = { namespace: "default", name: "web", labels };
    assert.deepEqual(compileService(sampleService(spec, { metadata }), [sampleSlice([LOCAL])], NODE), NOTHING);
  });
}

for (const [given, expected] of [
  [{}, undefined],
  [{ sessionAffinity: "ClientIP" }, 10_800],
  [{ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, 5],
  [{ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } }, 1],
  [{ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 1e6 } } }, 86_400],
] as const) {
  test(`compileService: ${JSON.stringify(given)} is affinity for ${expected} s`, () => {
    assert.equal(onlyPort(given).affinityTimeoutSeconds, expected);
  });
}

const skips: readonly (readonly [
  what: string,
  spec: JsonObject,
  slice: ReturnType<typeof sampleSlice>,
  why: RegExp,
])[] = [
  ["loopback", {}, sampleSlice(["127.0.0.1", LOCAL]), /endpoint "127.0.0.1" may not be in the loopback range/],
  ["no address", {}, sampleSlice(["pod-1", LOCAL]), /endpoint "pod-1" must be a valid IP address/],
  ["link-local", {}, sampleSlice(["169.254.1.1", LOCAL]), /link-local/],
  ["the other family", {}, sampleSlice(["2001:db8::1", LOCAL]), /is no IPv4 address/],
  ["its own address", {}, sampleSlice(["10.96.0.1", LOCAL]), /is an address of the Service itself/],
];

for (const [what, spec, slice, why] of skips) {
  test(`compileService leaves out an endpoint that is ${what}, and says so`, () => {
    const { ports, skipped } = compileService(sampleService(spec), [slice], NODE);
    assert.deepEqual(
      ports.map(({ cluster }) => listOf(cluster)),
      ["1"],
    );
    assert.equal(skipped.length, 1);
    assert.match(skipped[0] ?? "", why);
  });
}

test("compileService leaves out ports that cannot be, and serves the others", () => {
  const numbered = (port: number) => sampleSlice([LOCAL], { ports: [{ name: "", port }] });
  for (const port of [0, 65_536]) {
    const { ports, skipped } = compileService(sampleService(), [numbered(port)], NODE);
    assert.deepEqual(
      ports.map(({ cluster }) => cluster),
      [[]],
    );
    assert.match(skipped[0] ?? "", /not between 1 and 65535/);
  }
  const two = compileService(
    sampleService({
      ports: [
        { name: "a", port: 0 },
        { name: "b", port: 80 },
      ],
    }),
    [],
    NODE,
  );
  assert.deepEqual(
    two.ports.map(({ id }) => id),
    ["default/web:b/TCP/4"],
  );
  assert.match(two.skipped[0] ?? "", /port "a" is 0/);
});

test("compileService counts ready local endpoints for the health check node port", () => {
  const spec = {
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 32_000,
    ports: [
      { name: "a", port: 80 },
      { name: "b", port: 81 },
    ],
  };
  const slice = (endpoints: Endpoints) => [
    sampleSlice(endpoints, {
      ports: [
        { name: "a", port: 1 },
        { name: "b", port: 2 },
      ],
    }),
  ];
  const check = (endpoints: Endpoints) => compileService(sampleService(spec), slice(endpoints), NODE).healthCheck;
  const expected = { namespace: "default", name: "web", port: 32_000 };
  assert.deepEqual(check([LOCAL, FAR, "10.0.0.3"]), { ...expected, localEndpoints: 2 });
  assert.deepEqual(check([{ address: LOCAL, state: "terminating" }, FAR]), { ...expected, localEndpoints: 0 });
  assert.equal(
    compileService(sampleService({ ...spec, externalTrafficPolicy: "Cluster" }), [], NODE).healthCheck,
    undefined,
  );
});

test("compileService keeps the flows of endpoints that still answer", () => {
  const service = sampleService({ ports: [{ port: 53, protocol: "UDP" }] });
  const slice = sampleSlice([LOCAL, { ...FAR, state: "terminating" }, { address: "10.0.0.3", state: "gone" }], {
    ports: [{ name: "", port: 53, protocol: "UDP" }],
  });
  const { ports, flowBackends } = compileService(service, [slice], NODE);
  assert.equal(listOf(ports[0]?.cluster ?? []), "1");
  assert.equal(listOf(flowBackends.get("default/web:/UDP/4") ?? []), "1,2");
});

test("compileService takes every address that the API takes, and no other", () => {
  const texts = [
    "0.0.0.1",
    "1.0.0.1",
    "126.0.0.1",
    "128.0.0.1",
    "168.254.0.1",
    "170.0.0.1",
    "192.168.0.1",
    "223.0.0.1",
  ];
  const special = ["0.0.0.0", "127.0.0.1", "169.254.9.9", "224.0.0.1"];
  const ipv6 = ["2001:db8::2", "fd00::2", "3fff::1", "64:ff9b::1", "2a00:1450::9"];
  const specialIpv6 = ["::", "::1", "fe80::2", "ff02::2", "::ffff:127.0.0.1"];
  const spec = {
    clusterIPs: ["10.96.0.1", "fd00:96::1"],
    ipFamilies: ["IPv4", "IPv6"],
    ipFamilyPolicy: "RequireDualStack",
  };
  const slices = [sampleSlice([...texts, ...special]), sampleSlice([...ipv6, ...specialIpv6], { addressType: "IPv6" })];
  const { ports } = compileService(sampleService(spec), slices, NODE);
  assert.deepEqual(
    ports.map(({ cluster }) => cluster.map(({ address }) => String(address))),
    [texts.toSorted(), ipv6.toSorted()],
  );
});
