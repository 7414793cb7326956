import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { networkPolicy } from "./network-policy.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

const defaults: readonly (readonly [JsonObject, JsonObject])[] = [
  [{}, { podSelector: {}, policyTypes: ["Ingress"] }],
  [
    { podSelector: {}, egress: [] },
    { podSelector: {}, policyTypes: ["Ingress"] },
  ],
  [
    { egress: [{ ports: [{ port: 53 }] }] },
    {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      egress: [{ ports: [{ port: 53, protocol: "TCP" }] }],
    },
  ],
  [{ policyTypes: ["Egress"] }, { podSelector: {}, policyTypes: ["Egress"] }],
];

for (const [spec, complete] of defaults) {
  test(`networkPolicy completes ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(createObject(networkPolicy, { spec }).spec, complete);
  });
}

const ports: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ port: 80, endPort: 90 }, []],
  [{ port: "http" }, []],
  [{ protocol: "SCTP" }, []],
  [{ port: 90, endPort: 80 }, ["endPort: Invalid value: 80: must be greater than or equal to `port`"]],
  [{ endPort: 80 }, ["endPort: Invalid value: 80: may not be specified when `port` is not specified"]],
  [{ port: "http", endPort: 80 }, ["endPort: Invalid value: 80: may not be specified when `port` is non-numeric"]],
  [{ port: 0 }, ["port: Invalid value: 0: must be between 1 and 65535, inclusive"]],
  [{ port: "a--b" }, ['port: Invalid value: "a--b": must not contain consecutive hyphens']],
  [{ protocol: "ICMP" }, ['protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']],
];

for (const [port, texts] of ports) {
  test(`networkPolicy validation gives ${texts.join(", ") || "no problem"} for port ${JSON.stringify(port)}`, () => {
    assert.deepEqual(
      problemsOfCreate(networkPolicy, { spec: { ingress: [{}, { ports: [port] }] } }),
      texts.map((text) => `spec.ingress[1].ports[0].${text}`),
    );
  });
}

const peers: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ podSelector: {} }, []],
  [{ podSelector: {}, namespaceSelector: {} }, []],
  [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }, []],
  [{ ipBlock: { cidr: "2001:db8::/32", except: ["2001:db8:1::/48"] } }, []],
  [{}, [": Required value: must specify a peer"]],
  [
    { podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } },
    [": Forbidden: may not specify both ipBlock and another peer"],
  ],
  [{ ipBlock: { cidr: "" } }, [".ipBlock.cidr: Required value"]],
  [
    { ipBlock: { cidr: "10.0.0.0" } },
    ['.ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  ...["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/16", "2001:db8::/32"].map(
    (except) =>
      [
        { ipBlock: { cidr: "10.0.0.0/8", except: [except] } },
        [`.ipBlock.except[0]: Invalid value: "${except}": must be a strict subset of \`cidr\``],
      ] as const,
  ),
];

for (const [peer, texts] of peers) {
  test(`networkPolicy validation gives ${texts.join(", ") || "no problem"} for peer ${JSON.stringify(peer)}`, () => {
    assert.deepEqual(
      problemsOfCreate(networkPolicy, { spec: { egress: [{ to: [peer] }] } }),
      texts.map((text) => `spec.egress[0].to[0]${text}`),
    );
  });
}

test("networkPolicy validation knows two directions", () => {
  assert.deepEqual(problemsOfCreate(networkPolicy, { spec: { policyTypes: ["Up"] } }), [
    'spec.policyTypes[0]: Unsupported value: "Up": supported values: "Egress", "Ingress"',
  ]);
  assert.deepEqual(problemsOfCreate(networkPolicy, { spec: { policyTypes: ["Ingress", "Egress", "Ingress"] } }), [
    'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes',
  ]);
});

test("networkPolicy's cells are kubectl's", () => {
  const all = createObject(networkPolicy, { spec: {} });
  const some = createObject(networkPolicy, { spec: { podSelector: { matchLabels: { app: "web" } } } });
  assert.deepEqual(cellsOf(networkPolicy, all), { NAME: "web", "POD-SELECTOR": "<none>", AGE: "60m" });
  assert.deepEqual(cellsOf(networkPolicy, some), { NAME: "web", "POD-SELECTOR": "app=web", AGE: "60m" });
});
