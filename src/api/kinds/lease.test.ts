import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { lease } from "./lease.ts";
import { cellsOf, createObject, problemsOfCreate } from "./testing/create-object.ts";

const cases: readonly (readonly [spec: JsonObject, problems: readonly string[]])[] = [
  [{}, []],
  [
    { holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0, renewTime: "2024-05-01T11:00:00.123456Z" },
    [],
  ],
  [{ leaseDurationSeconds: 0 }, ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]],
  [{ leaseTransitions: -1 }, ["spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"]],
  [{ preferredHolder: "b" }, ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"]],
  [{ preferredHolder: "b", strategy: "OldestEmulationVersion" }, []],
  [{ strategy: "example.com/mine" }, []],
  [{ strategy: "mine" }, ['spec.strategy: Unsupported value: "mine": supported values: "OldestEmulationVersion"']],
];

for (const [spec, problems] of cases) {
  test(`lease with ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(problemsOfCreate(lease, { spec }), problems);
  });
}

test("lease shows its holder", () => {
  const holder = (spec: JsonObject) => cellsOf(lease, createObject(lease, { spec }))["HOLDER"];
  assert.deepEqual([holder({ holderIdentity: "node-1" }), holder({})], ["node-1", ""]);
});
