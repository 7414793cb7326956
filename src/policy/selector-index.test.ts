import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { labelSelectorMatcher, labelSelectorRequirements } from "#api/selectors/label-selector.ts";
import { createSelectorIndex } from "./selector-index.ts";
import { labelSelectors } from "./testing/random-world.ts";

const labels = fc.dictionary(fc.constantFrom("app", "tier", "constructor"), fc.constantFrom("x", "y"), {
  noNullPrototype: true,
});

test("createSelectorIndex finds all selectors that match, and all that change their mind", () => {
  const property = fc.property(fc.array(labelSelectors), labels, labels, (selectors, before, after) => {
    const index = createSelectorIndex<number>();
    for (const [item, selector] of selectors.entries()) index.add(item, labelSelectorRequirements(selector));
    // Half of them go again.
    for (const item of selectors.keys()) if (item % 2 === 1) index.delete(item);
    const candidates = index.candidates(before);
    const affected = index.affected(before, after);
    for (const [item, selector] of selectors.entries()) {
      const matches = labelSelectorMatcher(selector);
      if (item % 2 === 1) assert.ok(!candidates.has(item) && !affected.has(item));
      else {
        if (matches(before)) assert.ok(candidates.has(item));
        if (matches(before) !== matches(after)) assert.ok(affected.has(item));
      }
    }
    assert.equal(index.size, Math.ceil(selectors.length / 2));
  });
  fc.assert(property, { numRuns: 500 });
});

test("createSelectorIndex does not look at selectors that do not mention what changed", () => {
  const index = createSelectorIndex<string>();
  for (let number = 0; number < 5000; number += 1) {
    index.add(`other ${number}`, [{ key: "app", operator: "=", values: [`other-${number}`] }]);
    index.add(`both ${number}`, [
      { key: "app", operator: "=", values: ["web"] },
      { key: "tier", operator: "=", values: [`tier-${number}`] },
    ]);
    index.add(`all ${number}`, []);
  }
  index.add("not", [{ key: "tier", operator: "!=", values: ["tier-1"] }]);
  index.add("there", [{ key: "tier", operator: "exists", values: [] }]);
  const change = (from: string, to: string) => [
    ...index.affected({ app: "web", tier: from }, { app: "web", tier: to }),
  ];
  assert.deepEqual(change("tier-1", "tier-2").sort(), ["both 1", "both 2", "not"]);
  assert.deepEqual(change("tier-x", "tier-y"), []);
  assert.deepEqual([...index.affected({ app: "web" }, { app: "web", tier: "z" })], ["there"]);
});
