import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate } from "../testing/create-object.ts";
import { clusterNetworkPolicy } from "./cluster-network-policy.ts";

const METADATA = { namespace: "" };
const SUBJECT = { namespaces: {} };
const many = (count: number, item: JsonValue): JsonValue => Array.from({ length: count }, () => item);
const withSpec = (spec: JsonObject): JsonObject => ({
  metadata: METADATA,
  spec: { tier: "Admin", priority: 0, subject: SUBJECT, ...spec },
});
const rule = (members: JsonObject): JsonObject => ({ action: "Deny", to: [{ namespaces: {} }], ...members });

const cases: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{}, []],
  [{ priority: 1000 }, []],
  [{ priority: 1001 }, ["spec.priority: Invalid value: 1001: must be between 0 and 1000, inclusive"]],
  [{ tier: "Middle" }, ['spec.tier: Unsupported value: "Middle": supported values: "Admin", "Baseline"']],
  [
    { subject: { namespaces: {}, pods: { namespaceSelector: {}, podSelector: {} } } },
    ["spec.subject: Forbidden: only one of namespaces, pods may be set"],
  ],
  [{ subject: { pods: { namespaceSelector: {} } } }, ["spec.subject.pods.podSelector: Required value"]],
  [
    { ingress: many(26, { action: "Deny", from: [{ namespaces: {} }] }) },
    ["spec.ingress: Too many: 26: must have at most 25 items"],
  ],
  [
    { egress: [rule({ action: "Allow" })] },
    ['spec.egress[0].action: Unsupported value: "Allow": supported values: "Accept", "Deny", "Pass"'],
  ],
  [{ egress: [rule({ to: [] })] }, ["spec.egress[0].to: Required value"]],
  [
    { egress: [rule({ to: many(26, { namespaces: {} }) })] },
    ["spec.egress[0].to: Too many: 26: must have at most 25 items"],
  ],
  [
    { egress: [rule({ to: [{}] })] },
    ["spec.egress[0].to[0]: Required value: exactly one of namespaces, pods, nodes, networks, domainNames must be set"],
  ],
  [
    { egress: [rule({ to: [{ networks: ["10.0.0.0"] }] })] },
    [
      'spec.egress[0].to[0].networks[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    { egress: [rule({ to: [{ domainNames: ["example.com"] }] })] },
    ["spec.egress[0].to[0].domainNames: Forbidden: may only be used with action Accept"],
  ],
  [
    { egress: [rule({ action: "Accept", to: [{ domainNames: ["*"] }] })] },
    [
      'spec.egress[0].to[0].domainNames[0]: Invalid value: "*": must be a domain name, (e.g. example.com or *.example.com)',
    ],
  ],
  [{ egress: [rule({ action: "Accept", to: [{ nodes: {} }] })] }, []],
  [{ egress: [rule({ protocols: [{ tcp: { destinationPort: { number: 80 } } }] })] }, []],
  [{ egress: [rule({ protocols: [{ udp: { destinationPort: { range: { start: 1, end: 65535 } } } }] })] }, []],
  [{ egress: [rule({ protocols: [{ destinationNamedPort: "http" }] })] }, []],
  [
    { egress: [rule({ protocols: [{ sctp: {} }] })] },
    ["spec.egress[0].protocols[0].sctp.destinationPort: Required value"],
  ],
  [
    { egress: [rule({ protocols: [{ tcp: { destinationPort: { range: { start: 90, end: 90 } } } }] })] },
    [
      'spec.egress[0].protocols[0].tcp.destinationPort.range: Invalid value: {"start":90,"end":90}: Start port must be less than End port',
    ],
  ],
  [
    { egress: [rule({ to: [{ networks: ["10.0.0.0/8"] }], protocols: [{ destinationNamedPort: "http" }] })] },
    ["spec.egress[0].protocols: Forbidden: destinationNamedPort may not be used with networks, nodes or domainNames"],
  ],
  [
    { egress: [rule({ name: "x".repeat(101) })] },
    [`spec.egress[0].name: Invalid value: "${"x".repeat(101)}": may not be more than 100 characters`],
  ],
];

for (const [spec, texts] of cases) {
  test(`clusterNetworkPolicy validation gives ${texts.length === 0 ? "no problem" : texts.join(", ").slice(0, 80)} for ${JSON.stringify(spec).slice(0, 80)}`, () => {
    assert.deepEqual(problemsOfCreate(clusterNetworkPolicy, withSpec(spec)), texts);
  });
}

test("clusterNetworkPolicy refuses a spec without its required fields", () => {
  assert.deepEqual(problemsOfCreate(clusterNetworkPolicy, { metadata: METADATA, spec: { subject: SUBJECT } }), [
    "spec.tier: Required value",
    "spec.priority: Required value",
  ]);
});

test("clusterNetworkPolicy keeps empty selectors: they select everything", () => {
  const { spec } = createObject(
    clusterNetworkPolicy,
    withSpec({ subject: { pods: { namespaceSelector: {}, podSelector: {} } } }),
  );
  assert.deepEqual(spec.subject, { pods: { namespaceSelector: {}, podSelector: {} } });
  assert.equal(spec.priority, 0);
});

test("clusterNetworkPolicy's cells are kubectl's", () => {
  const policy = createObject(clusterNetworkPolicy, withSpec({}));
  assert.deepEqual(cellsOf(clusterNetworkPolicy, policy), { NAME: "web", TIER: "Admin", PRIORITY: "0", AGE: "60m" });
});
