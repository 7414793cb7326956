import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { podDisruptionBudget } from "./pod-disruption-budget.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

const SELECTOR = { selector: { matchLabels: { app: "web" } } };

test("podDisruptionBudget has a status by default", () => {
  assert.deepEqual(createObject(podDisruptionBudget, { spec: SELECTOR }).status, {
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
  });
});

const problems: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ ...SELECTOR, minAvailable: 1 }, []],
  [{ ...SELECTOR, maxUnavailable: "50%" }, []],
  [
    { minAvailable: 1, maxUnavailable: 1 },
    ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set'],
  ],
  [{ minAvailable: -1 }, ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"]],
  [{ maxUnavailable: "101%" }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
  [
    { unhealthyPodEvictionPolicy: "Never" },
    ['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
  ],
];

for (const [spec, texts] of problems) {
  test(`podDisruptionBudget validation gives ${texts.length} problems for ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(problemsOfCreate(podDisruptionBudget, { spec }), texts);
  });
}

const cells: readonly (readonly [JsonObject, string, string])[] = [
  [{ minAvailable: 2 }, "2", "N/A"],
  [{ minAvailable: 0 }, "0", "N/A"],
  [{ maxUnavailable: "25%" }, "N/A", "25%"],
];

for (const [spec, minAvailable, maxUnavailable] of cells) {
  test(`podDisruptionBudget's cells are kubectl's for ${JSON.stringify(spec)}`, () => {
    const object = createObject(podDisruptionBudget, { spec, status: { disruptionsAllowed: 1 } });
    assert.deepEqual(cellsOf(podDisruptionBudget, object), {
      NAME: "web",
      "MIN AVAILABLE": minAvailable,
      "MAX UNAVAILABLE": maxUnavailable,
      "ALLOWED DISRUPTIONS": 1,
      AGE: "60m",
    });
  });
}
