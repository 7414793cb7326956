import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { afterResult, initialState, type ProbeKind } from "./probe-state.ts";

const cases: readonly (readonly [ProbeKind, string, boolean | undefined])[] = [
  ["readiness", "", false],
  ["readiness", "+", false],
  ["readiness", "++", true],
  ["readiness", "++--", true],
  ["readiness", "++---", false],
  ["readiness", "++--+--", true],
  ["liveness", "--", true],
  ["liveness", "---", false],
  ["startup", "--", undefined],
  ["startup", "---", false],
  ["startup", "--++", true],
];

suite("afterResult", () => {
  for (const [kind, results, expected] of cases) {
    test(`${kind} after "${results}"`, () => {
      const probe = { successThreshold: 2, failureThreshold: 3 };
      const end = [...results].reduce((state, each) => afterResult(state, probe, each === "+"), initialState(kind));
      assert.equal(end.isHealthy, expected);
    });
  }
});
