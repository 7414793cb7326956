import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileRuleModel, setWorld } from "#policy/compile-rule-model.ts";
import { createPolicyIndex, type PolicyIndex } from "#policy/index/policy-index.ts";
import type { PolicyWorld } from "#policy/policy-world.ts";
import { flowsOfWorld, randomWorlds, worldPods, worldPolicies } from "#policy/testing/random-world.ts";
import { createVerdicts } from "#policy/verdict.ts";
import { createModelCompiler } from "./model-compiler.ts";
import { elementMap, type Fragment } from "./table-content.ts";

test("change after change, the fragments are those of the whole model", () => {
  fc.assert(
    fc.property(fc.array(randomWorlds({ maxPolicies: 4 }), { minLength: 2, maxLength: 4 }), (worlds) => {
      const index = createPolicyIndex({ node: "n1" });
      index.takeChanges();
      const compiler = createModelCompiler(index.model());
      const held = compiler.fragments();
      let before: PolicyWorld | undefined;
      for (const world of worlds) {
        for (const id of before?.policies.keys() ?? []) if (!world.policies.has(id)) index.deletePolicy(id);
        for (const id of before?.pods.keys() ?? []) if (!world.pods.has(id)) index.deletePod(id);
        for (const name of before?.namespaces.keys() ?? [])
          if (!world.namespaces.has(name)) index.deleteNamespace(name);
        setWorld(index, world);
        before = world;
        const { fragments, deltas } = compiler.change(index.takeChanges());
        for (const [name, one] of fragments) {
          if (one === undefined) held.delete(name);
          else held.set(name, one);
        }
        for (const [name, { add, remove }] of deltas ?? []) {
          const found = held.get(name);
          assert.ok(found, name);
          const elements = new Map(found.elements);
          for (const id of elementMap(remove).keys()) elements.delete(id);
          for (const [id, one] of elementMap(add)) elements.set(id, one);
          held.set(name, { ...found, elements });
        }
        const whole = createModelCompiler(compileRuleModel(world, { node: "n1" })).fragments();
        assert.deepEqual(comparable(held), comparable(whole));
      }
    }),
    { numRuns: 150 },
  );
});

type Step = (index: PolicyIndex) => void;
const steps: fc.Arbitrary<Step> = fc.oneof(
  worldPolicies.map(
    (policy): Step =>
      (index) =>
        index.setPolicy(policy),
  ),
  worldPolicies.map(
    ({ id }): Step =>
      (index) =>
        index.deletePolicy(id),
  ),
  worldPods().map(
    (pod): Step =>
      (index) =>
        index.setPod(pod),
  ),
  worldPods().map(
    ({ id }): Step =>
      (index) =>
        index.deletePod(id),
  ),
);

test("change answers an end of every connection that was allowed and is not any more", () => {
  const seen = { forbidden: 0, withoutAny: 0 };
  const sequences = fc.array(steps, { maxLength: 6 });
  const property = fc.property(randomWorlds({ maxPolicies: 4 }), sequences, (world, sequence) => {
    const index = createPolicyIndex();
    setWorld(index, world);
    index.takeChanges();
    const { model, change } = createModelCompiler(index.model());
    const flows = flowsOfWorld(world, [80]);
    for (const step of sequence) {
      const isAllowed = createVerdicts(model, { needsNearest: false });
      const allowed = flows.filter((flow) => isAllowed(flow).allowed);
      step(index);
      const { judgeAgain } = change(index.takeChanges());
      if (judgeAgain.size === 0) seen.withoutAny++;
      const isStillAllowed = createVerdicts(model, { needsNearest: false });
      for (const flow of allowed) {
        if (isStillAllowed(flow).allowed) continue;
        seen.forbidden++;
        assert.ok(judgeAgain.has(flow.source) || judgeAgain.has(flow.destination), JSON.stringify(flow));
      }
    }
  });
  fc.assert(property, { numRuns: 600 });
  assert.ok(seen.forbidden > 100 && seen.withoutAny > 100, JSON.stringify(seen));
});

function comparable(fragments: ReadonlyMap<string, Fragment>) {
  return [...fragments]
    .map(([name, { chains, sets, elements }]) => [
      name,
      [...chains],
      [...sets.keys()].sort(),
      [...elements.keys()].sort(),
    ])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}
