import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRuleModel } from "../compile-rule-model.ts";
import { namespaceNamed, type PolicyWorld, type WorldPod, worldNetworkPolicy } from "../policy-world.ts";
import type { RuleModel } from "../rule-model.ts";
import { RANDOM_NODES, worldNamespaces, worldNodes, worldPods, worldPolicies } from "../testing/random-world.ts";
import { applyChanges, comparableModel } from "../testing/rule-model-text.ts";
import { createPolicyIndex, type PolicyIndex } from "./policy-index.ts";

const EMPTY: RuleModel = { pods: new Map(), directions: new Map(), addressSets: new Map(), namedPorts: new Map() };

interface MutableWorld extends PolicyWorld {
  readonly namespaces: Map<string, PolicyWorld["namespaces"] extends ReadonlyMap<string, infer V> ? V : never>;
  readonly pods: Map<string, WorldPod>;
  readonly nodes: Map<string, PolicyWorld["nodes"] extends ReadonlyMap<string, infer V> ? V : never>;
  readonly policies: Map<string, PolicyWorld["policies"] extends ReadonlyMap<string, infer V> ? V : never>;
}

type Step = (index: PolicyIndex, world: MutableWorld) => void;

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: worldPods().map(
      (pod): Step =>
        (index, world) => {
          index.setPod(pod);
          world.pods.set(pod.id, pod);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: worldPods().map(
      ({ id }): Step =>
        (index, world) => {
          index.deletePod(id);
          world.pods.delete(id);
        },
    ),
  },
  {
    weight: 3,
    arbitrary: worldNamespaces.map(
      (namespace): Step =>
        (index, world) => {
          index.setNamespace(namespace);
          world.namespaces.set(namespace.name, namespace);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: worldNamespaces.map(
      ({ name }): Step =>
        (index, world) => {
          index.deleteNamespace(name);
          world.namespaces.delete(name);
        },
    ),
  },
  {
    weight: 4,
    arbitrary: worldPolicies.map(
      (policy): Step =>
        (index, world) => {
          index.setPolicy(policy);
          world.policies.set(policy.id, policy);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: worldPolicies.map(
      ({ id }): Step =>
        (index, world) => {
          index.deletePolicy(id);
          world.policies.delete(id);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: worldNodes.map(
      (node): Step =>
        (index, world) => {
          index.setNode(node);
          world.nodes.set(node.name, node);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: worldNodes.map(
      ({ name }): Step =>
        (index, world) => {
          index.deleteNode(name);
          world.nodes.delete(name);
        },
    ),
  },
);

test("createPolicyIndex gives after any changes what a new one gives, and its changes add up to it", () => {
  const property = fc.property(
    fc.array(fc.tuple(steps, fc.boolean()), { maxLength: 60, size: "max" }),
    fc.constantFrom(undefined, ...RANDOM_NODES),
    (sequence, node) => {
      const index = createPolicyIndex({ node });
      const world: MutableWorld = { namespaces: new Map(), pods: new Map(), nodes: new Map(), policies: new Map() };
      let enforced = EMPTY;
      for (const [step, isTaken] of sequence) {
        step(index, world);
        if (isTaken) enforced = applyChanges(enforced, index.takeChanges());
      }
      enforced = applyChanges(enforced, index.takeChanges());
      const expected = comparableModel(compileRuleModel(world, { node }));
      assert.deepEqual(comparableModel(index.model()), expected);
      assert.deepEqual(comparableModel(enforced), expected);
      const { pods, directions, addressSets, namedPorts } = index.takeChanges();
      assert.deepEqual([pods.size, directions.size, addressSets.size, namedPorts.size], [0, 0, 0, 0]);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

test("createPolicyIndex keeps an address that two pods claim until both are gone", () => {
  const index = createPolicyIndex();
  const pod = (name: string, app: string, address: string): WorldPod => ({
    id: `default/${name}`,
    namespace: "default",
    labels: { app },
    // A test's own address.
    addresses: [address as WorldPod["addresses"][number]],
    node: "n1",
    isHostNetwork: false,
    isFinished: false,
    ports: [],
  });
  index.setNamespace(namespaceNamed("default", {}));
  index.setPolicy(
    worldNetworkPolicy({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "p", namespace: "default" },
      spec: {
        podSelector: { matchLabels: { app: "db" } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
      },
    }),
  );
  index.setPod(pod("db", "db", "10.0.0.1"));
  index.setPod(pod("old", "web", "10.0.0.2"));
  index.takeChanges();
  index.setPod(pod("new", "web", "10.0.0.2"));
  index.deletePod("default/old");
  assert.equal(index.takeChanges().addressSets.size, 0);
  index.deletePod("default/new");
  assert.deepEqual([...index.takeChanges().addressSets.values()], [{ kind: "delta", add: [], remove: ["10.0.0.2"] }]);
});

test("createPolicyIndex leaves pods that have ended at once", () => {
  const index = createPolicyIndex();
  const pod: WorldPod = {
    id: "default/web",
    namespace: "default",
    labels: {},
    addresses: [],
    node: "n1",
    isHostNetwork: false,
    isFinished: false,
    ports: [],
  };
  index.setPod(pod);
  assert.deepEqual([...index.takeChanges().pods.keys()], ["default/web"]);
  index.setPod({ ...pod, isFinished: true });
  assert.deepEqual([...index.takeChanges().pods], [["default/web", undefined]]);
});
