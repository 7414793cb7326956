import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/ip-address.ts";
import { compileRuleModel } from "./compile-rule-model.ts";
import { diff } from "./diff.ts";
import { namespaceNamed, type PolicyWorld, type WorldPod } from "./policy-world.ts";
import { LAST_PORT } from "./port-edges.ts";
import { POLICY_PROTOCOLS } from "./rule-model.ts";
import { endPairs } from "./stretches.ts";
import { parsePolicies } from "./testing/parse-policies.ts";
import { RANDOM_PORTS, randomWorlds } from "./testing/random-world.ts";
import { createVerdicts } from "./verdict.ts";

const PORTS = [1, ...RANDOM_PORTS, 82, 8092, LAST_PORT];

test("diff has exactly those pairs and ports that the verdicts of the two worlds do not agree on", () => {
  const property = fc.property(randomWorlds({ maxPolicies: 3 }), randomWorlds({ maxPolicies: 3 }), (before, other) => {
    const after: PolicyWorld = { ...other, pods: before.pods };
    const [old, next] = [createVerdicts(compileRuleModel(before)), createVerdicts(compileRuleModel(after))];
    const { changes } = diff(before, after);
    const pods = [...before.pods.values()].filter(({ isHostNetwork, isFinished }) => !isHostNetwork && !isFinished);
    for (const from of pods) {
      for (const to of pods.filter((pod) => pod !== from)) {
        for (const pair of endPairs(endOf(from), endOf(to))) {
          for (const protocol of POLICY_PROTOCOLS) {
            for (const port of PORTS) {
              const flow = { ...pair, protocol, port };
              const [was, is] = [old(flow).allowed, next(flow).allowed];
              const found = changes.filter(
                (one) =>
                  one.from.name === from.id &&
                  one.to.name === to.id &&
                  one.protocol === protocol &&
                  one.families.includes(pair.family) &&
                  one.ports.first <= port &&
                  port <= one.ports.last,
              );
              const title = `${from.id} > ${to.id} ${protocol}/${port} IPv${pair.family}`;
              assert.deepEqual(
                found.map((one) => one.after),
                was === is ? [] : [is ? "allow" : "deny"],
                title,
              );
            }
          }
        }
      }
    }
  });
  fc.assert(property, { numRuns: 30 });
});

const RULES = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 9000, endPort: 9100}]}
  - {from: [{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 5432}]}
`;

test("diff finds a hole in a range, merges ports and families, and says which rules decide", () => {
  const holed = RULES.replace(
    "[{port: 9000, endPort: 9100}]",
    "[{port: 9000, endPort: 9049}, {port: 9051, endPort: 9100}]",
  );
  const { changes } = diff(shop(RULES), shop(holed));
  assert.deepEqual(
    changes.map(({ from, to, ...change }) => ({ from: from.name, to: to.name, ...change })),
    [
      {
        from: "shop/web",
        to: "shop/db",
        families: [4, 6],
        protocol: "TCP",
        ports: { first: 9050, last: 9050 },
        after: "deny",
        because: { before: ["networkpolicy/shop/db ingress 0"], after: ["networkpolicy/shop/db ingress"] },
      },
    ],
  );
});

test("diff has an address for each group outside that rules tell apart, and given ones instead of made-up ones", () => {
  const wider = RULES.replace("192.0.2.0/24", '192.0.2.0/24, except: ["192.0.2.128/25"]');
  const named = (...given: readonly string[]) =>
    diff(shop(RULES), shop(wider), { given: given.map(parseAddress) }).changes.map(({ from }) => [
      from.name,
      from.group,
    ]);
  assert.deepEqual(named(), [["192.0.2.129", "in 192.0.2.0/24"]]);
  assert.deepEqual(named("192.0.2.200", "192.0.2.1"), [["192.0.2.200", undefined]]);
});

function shop(policies: string): PolicyWorld {
  const pod = (name: string, host: number): WorldPod => ({
    id: `shop/${name}`,
    namespace: "shop",
    labels: { app: name },
    addresses: [parseAddress(`10.244.1.${host}`), parseAddress(`fd00:10:244:1::${host}`)],
    node: undefined,
    isHostNetwork: false,
    isFinished: false,
    ports: [],
  });
  return {
    namespaces: new Map([["shop", namespaceNamed("shop", {})]]),
    pods: new Map([pod("web", 10), pod("db", 11)].map((one) => [one.id, one])),
    nodes: new Map(),
    policies: parsePolicies(policies),
  };
}

function endOf({ id, addresses }: WorldPod) {
  return { name: id, kind: "pod", addresses } as const;
}
