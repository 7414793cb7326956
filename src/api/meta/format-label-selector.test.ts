import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLabelSelectorOrNone, formatLabelsOrNone } from "./format-label-selector.ts";
import type { LabelSelector } from "./label-selector.ts";

const selectors: readonly (readonly [LabelSelector | undefined, string])[] = [
  [undefined, "<none>"],
  [{}, "<none>"],
  [{ matchLabels: { tier: "front", app: "web" } }, "app=web,tier=front"],
  [
    {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "zone", operator: "In", values: ["b", "a"] },
        { key: "env", operator: "NotIn", values: ["test"] },
        { key: "canary", operator: "DoesNotExist" },
        { key: "managed", operator: "Exists" },
      ],
    },
    "app=web,!canary,env notin (test),managed,zone in (a,b)",
  ],
];

for (const [selector, text] of selectors) {
  test(`formatLabelSelectorOrNone gives ${text} for ${JSON.stringify(selector)}`, () => {
    assert.equal(formatLabelSelectorOrNone(selector), text);
  });
}

test("formatLabelsOrNone sorts labels and shows that there are none", () => {
  assert.equal(formatLabelsOrNone({ tier: "front", app: "web" }), "app=web,tier=front");
  assert.equal(formatLabelsOrNone({}), "<none>");
  assert.equal(formatLabelsOrNone(undefined), "<none>");
});
