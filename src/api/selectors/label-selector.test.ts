import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabelSelector } from "../meta/label-selector.ts";
import { formatLabelSelector, labelSelectorMatcher, validateLabelSelector } from "./label-selector.ts";

const labels = { app: "web", tier: "front" };
const cases: readonly (readonly [selector: LabelSelector | undefined, text: string, isMatch: boolean])[] = [
  [undefined, "", false],
  [{}, "", true],
  [{ matchLabels: {} }, "", true],
  [{ matchLabels: { tier: "front", app: "web" } }, "app=web,tier=front", true],
  [{ matchLabels: { app: "db" } }, "app=db", false],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] }, "app in (db,web)", true],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, "app notin (web)", false],
  [{ matchExpressions: [{ key: "none", operator: "NotIn", values: ["web"] }] }, "none notin (web)", true],
  [{ matchExpressions: [{ key: "app", operator: "Exists" }] }, "app", true],
  [{ matchExpressions: [{ key: "none", operator: "DoesNotExist" }] }, "!none", true],
  [
    { matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "DoesNotExist" }] },
    "app=web,!tier",
    false,
  ],
];

for (const [selector, text, isMatch] of cases) {
  test(`labelSelectorMatcher of ${JSON.stringify(selector)} ${isMatch ? "matches" : "does not match"}`, () => {
    assert.equal(labelSelectorMatcher(selector)(labels), isMatch);
    assert.equal(formatLabelSelector(selector), text);
  });
}

test("labelSelectorMatcher takes absent labels as none", () => {
  assert.equal(labelSelectorMatcher({})(undefined), true);
  assert.equal(labelSelectorMatcher({ matchLabels: { a: "b" } })(undefined), false);
});

test("labelSelectorMatcher compiles a selector once", () => {
  const selector: LabelSelector = { matchLabels: { app: "web" } };
  assert.equal(labelSelectorMatcher(selector), labelSelectorMatcher(selector));
});

test("validateLabelSelector says which operators need values and which may not have any", () => {
  const selector: LabelSelector = {
    matchExpressions: [
      { key: "a", operator: "In", values: [] },
      { key: "b", operator: "NotIn" },
      { key: "c", operator: "Exists", values: ["x"] },
      { key: "d", operator: "DoesNotExist", values: ["x"] },
      { key: "e", operator: "In", values: ["x"] },
      { key: "f", operator: "Exists" },
    ],
  };
  const needed = "Required value: must be specified when `operator` is 'In' or 'NotIn'";
  const unwanted = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
  assert.deepEqual(
    validateLabelSelector(selector, "spec.selector").map(({ field, message }) => `${field}: ${message}`),
    [
      `spec.selector.matchExpressions[0].values: ${needed}`,
      `spec.selector.matchExpressions[1].values: ${needed}`,
      `spec.selector.matchExpressions[2].values: ${unwanted}`,
      `spec.selector.matchExpressions[3].values: ${unwanted}`,
    ],
  );
  assert.deepEqual(validateLabelSelector(undefined, "spec.selector"), []);
});
