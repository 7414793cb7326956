import assert from "node:assert/strict";
import { test } from "node:test";
import { familyOf, parseAddress } from "#base/ip-address.ts";
import { compileRuleModel } from "./compile-rule-model.ts";
import { causesOf, explainVerdict } from "./explain-verdict.ts";
import { namespaceNamed, type PolicyWorld, type WorldPod } from "./policy-world.ts";
import type { PolicyProtocol } from "./rule-model.ts";
import { parsePolicies } from "./testing/parse-policies.ts";
import { verdict } from "./verdict.ts";

const DB = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: api}}}]
    ports: [{port: pg}]
  - from: [{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: prometheus}}}]
    ports: [{port: 9187}]
  - from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]
    ports: [{port: 5432, endPort: 5440}]
`;
const GUARD = `
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {matchLabels: {team: sales}}}
  ingress:
  - {action: Pass, from: [{namespaces: {matchLabels: {team: sales}}}]}
  - {name: not from elsewhere, action: Deny, from: [{namespaces: {}}]}
`;
const [WEB, DATABASE, PROMETHEUS] = ["10.244.1.10", "10.244.1.11", "10.244.2.10"] as const;
const ISOLATED =
  "ingress of shop/db: denied: isolated by networkpolicy/shop/db, and none of their ingress rules matches";
const OPEN = (pod: string) => `egress of ${pod}: allowed: no policy selects it in this direction`;
const PG = 'rule networkpolicy/shop/db ingress 0 allows the port named "pg" (TCP) from pods app=api in namespace shop';
const BLOCK = "rule networkpolicy/shop/db ingress 2 allows TCP 5432-5440 from 192.0.2.0/24 except 192.0.2.128/25";

const CASES: readonly (readonly [
  title: string,
  from: string,
  port: number,
  protocol: PolicyProtocol,
  lines: readonly string[],
])[] = [
  [
    "a label",
    WEB,
    5432,
    "TCP",
    [OPEN("shop/web"), ISOLATED, `  nearest: ${PG}; but pod shop/web has app=web (wanted: app=api)`],
  ],
  [
    "a namespace's label",
    PROMETHEUS,
    9187,
    "TCP",
    [
      OPEN("monitoring/prometheus"),
      ISOLATED,
      "  nearest: rule networkpolicy/shop/db ingress 1 allows TCP 9187 from pods app=prometheus in namespaces team=ops; but namespace monitoring has team=dev (wanted: team=ops)",
    ],
  ],
  [
    "an exception",
    "192.0.2.130",
    5433,
    "TCP",
    [ISOLATED, `  nearest: ${BLOCK}; but 192.0.2.130 is in the exception 192.0.2.128/25`],
  ],
  [
    "a range of ports",
    "192.0.2.1",
    80,
    "TCP",
    [ISOLATED, `  nearest: ${BLOCK}; but TCP 80 is not among TCP 5432-5440`],
  ],
  [
    "a protocol",
    "192.0.2.1",
    5432,
    "UDP",
    [ISOLATED, `  nearest: ${BLOCK}; but the protocol is UDP, and the rule means TCP 5432-5440`],
  ],
  [
    "peer and port",
    WEB,
    1,
    "TCP",
    [
      OPEN("shop/web"),
      ISOLATED,
      `  nearest: ${PG}; but pod shop/web has app=web (wanted: app=api), and shop/db has "pg" on 5432, not on 1`,
    ],
  ],
  ["nothing", "192.0.2.1", 5432, "TCP", ["ingress of shop/db: allowed: by rule networkpolicy/shop/db ingress 2"]],
];

for (const [title, from, port, protocol, lines] of CASES) {
  test(`explainVerdict says that ${title} missed`, () =>
    assert.deepEqual(explained(DB, from, port, protocol).lines, lines));
}

test("explainVerdict and causesOf name the rule that refuses, and who passed it on", () => {
  const refused = explained(`${GUARD}---${DB}`, PROMETHEUS, 5432, "TCP");
  assert.equal(
    refused.lines[1],
    'ingress of shop/db: denied: refused by rule clusternetworkpolicy/guard ingress 1 "not from elsewhere"',
  );
  assert.deepEqual(refused.causes, ["clusternetworkpolicy/guard"]);
  const isolated = explained(`${GUARD}---${DB}`, WEB, 5432, "TCP");
  assert.equal(isolated.lines[1], `${ISOLATED}, after clusternetworkpolicy/guard ingress 0 passed it on`);
  assert.deepEqual(isolated.causes, ["isolation", "networkpolicy/shop/db"]);
});

function explained(policies: string, from: string, port: number, protocol: PolicyProtocol) {
  const world = shop(policies);
  const [source, destination] = [parseAddress(from), parseAddress(DATABASE)];
  const answer = verdict(compileRuleModel(world), { family: familyOf(source), source, destination, protocol, port });
  return { lines: explainVerdict(world, answer), causes: causesOf(answer) };
}

function shop(policies: string): PolicyWorld {
  const pod = (namespace: string, app: string, address: string): WorldPod => ({
    id: `${namespace}/${app}`,
    namespace,
    labels: { app },
    addresses: [parseAddress(address)],
    node: undefined,
    isHostNetwork: false,
    isFinished: false,
    ports: app === "db" ? [{ name: "pg", protocol: "TCP", port: 5432 }] : [],
  });
  const pods = [pod("shop", "web", WEB), pod("shop", "db", DATABASE), pod("monitoring", "prometheus", PROMETHEUS)];
  const namespaces = [namespaceNamed("shop", { team: "sales" }), namespaceNamed("monitoring", { team: "dev" })];
  return {
    namespaces: new Map(namespaces.map((one) => [one.name, one])),
    pods: new Map(pods.map((one) => [one.id, one])),
    nodes: new Map(),
    policies: parsePolicies(policies),
  };
}
