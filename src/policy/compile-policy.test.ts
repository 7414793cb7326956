import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { decodeObject } from "#api/schema/decode.ts";
import type { JsonObject } from "#base/json.ts";
import { compilePolicy } from "./compile-policy.ts";
import { worldClusterNetworkPolicy, worldNetworkPolicy } from "./policy-world.ts";

/** Decoded only: what an API server would refuse may come from another one. */
function planOf(spec: JsonObject) {
  const { object } = decodeObject(networkPolicy, { metadata: { name: "p", namespace: "shop" }, spec });
  return compilePolicy(worldNetworkPolicy(object));
}

function clusterPlanOf(spec: JsonObject) {
  const subject = { namespaces: {} };
  const { object } = decodeObject(clusterNetworkPolicy, {
    metadata: { name: "c" },
    spec: { tier: "Admin", priority: 3, subject, ...spec },
  });
  return compilePolicy(worldClusterNetworkPolicy(object));
}

test("compilePolicy gives selectors that say the same one name", () => {
  const { directions } = planOf({
    podSelector: {},
    ingress: [
      {
        from: [
          { podSelector: { matchLabels: { b: "2", a: "1" } } },
          {
            podSelector: {
              matchLabels: { a: "1" },
              matchExpressions: [{ key: "b", operator: "In", values: ["2", "2"] }],
            },
          },
          { namespaceSelector: {} },
          { namespaceSelector: {}, podSelector: {} },
          { ipBlock: { cidr: "10.1.2.3/8", except: ["10.2.0.0/16", "10.1.0.0/16"] } },
        ],
      },
    ],
  });
  assert.deepEqual(directions.get("ingress")?.rules.rules, [
    {
      id: "networkpolicy/shop/p ingress 0",
      action: "accept",
      peers: [
        "pods a=1,b=2 in namespace shop",
        "all pods in all namespaces",
        "10.0.0.0/8 except 10.1.0.0/16,10.2.0.0/16",
      ],
      ports: "any",
    },
  ]);
});

test("compilePolicy leaves out what it does not understand of a NetworkPolicy, and says so", () => {
  const { directions, problems } = planOf({
    podSelector: {},
    policyTypes: ["Egress"],
    egress: [{ to: [{}, { ipBlock: { cidr: "10.0.0.0/8", except: ["10.0.0.0"] } }] }],
  });
  assert.deepEqual(directions.get("egress")?.rules.rules[0]?.peers, []);
  assert.deepEqual(problems, [
    "spec.egress[0].to[0]: Required value: a peer that is not understood matches nothing",
    'spec.egress[0].to[1].ipBlock: Invalid value: "10.0.0.0": it is no range of addresses, and the peer matches nothing',
  ]);
});

const closed = [
  { rule: { action: "Accept", to: [{}, { namespaces: {} }] }, expected: { action: "accept", peers: [], ports: "any" } },
  { rule: { action: "Deny", to: [{}] }, expected: { action: "deny", peers: "any", ports: "any" } },
  {
    rule: {
      action: "Pass",
      to: [{ namespaces: {} }, { later: {} }],
      protocols: [{ tcp: { destinationPort: { number: 1 } } }],
    },
    expected: { action: "deny", peers: "any", ports: "any" },
  },
  {
    rule: { action: "Deny", to: [{ namespaces: {} }], protocols: [{}] },
    expected: { action: "deny", peers: "any", ports: "any" },
  },
  {
    rule: { action: "Accept", to: [{ networks: ["10.0.0.0"] }] },
    expected: { action: "accept", peers: [], ports: "any" },
  },
  {
    rule: { action: "Deny", to: [{ domainNames: ["example.com"] }] },
    expected: { action: "deny", peers: "any", ports: "any" },
  },
] as const;

for (const { rule, expected } of closed) {
  test(`compilePolicy closes a rule that it does not understand: ${JSON.stringify(rule)}`, () => {
    const { directions, problems } = clusterPlanOf({ egress: [rule] });
    assert.deepEqual(directions.get("egress")?.rules.rules, [{ id: "clusternetworkpolicy/c egress 0", ...expected }]);
    assert.ok(
      problems.some((text) => text.startsWith("spec.egress[0]")),
      problems.join(),
    );
  });
}

test("compilePolicy has domain names match nothing beside what it understands", () => {
  const { directions, problems } = clusterPlanOf({
    egress: [{ name: "web", action: "Accept", to: [{ domainNames: ["example.com"] }, { networks: ["192.0.2.0/24"] }] }],
  });
  assert.deepEqual(directions.get("egress")?.rules.rules, [
    { id: 'clusternetworkpolicy/c egress 0 "web"', action: "accept", peers: ["192.0.2.0/24"], ports: "any" },
  ]);
  assert.deepEqual(problems, [
    "spec.egress[0].to: Forbidden: domainNames are not supported; such a peer matches nothing",
  ]);
});

test("compilePolicy of a ClusterNetworkPolicy has only the directions that it has rules for", () => {
  const { directions, tier, priority } = clusterPlanOf({ ingress: [{ action: "Deny", from: [{ namespaces: {} }] }] });
  assert.deepEqual([[...directions.keys()], tier, priority], [["ingress"], "admin", 3]);
});
