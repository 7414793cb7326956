import assert from "node:assert/strict";
import { test } from "node:test";
import { intOrPercent, intOrPercentOf100, isZero } from "./int-or-percent.ts";

const PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

const cases: readonly (readonly [number | string, readonly string[], readonly string[]])[] = [
  [0, [], []],
  [5, [], []],
  [-1, ["must be greater than or equal to 0"], ["must be greater than or equal to 0"]],
  ["25%", [], []],
  ["100%", [], []],
  ["101%", [], ["must not be greater than 100%"]],
  ["25", [PERCENT], [PERCENT]],
  ["-1%", [PERCENT], [PERCENT]],
  ["half", [PERCENT], [PERCENT]],
];

for (const [value, problems, problemsOf100] of cases) {
  test(`intOrPercent says what is wrong with ${JSON.stringify(value)}`, () => {
    assert.deepEqual(intOrPercent.check?.(value), problems);
    assert.deepEqual(intOrPercentOf100.check?.(value), problemsOf100);
  });
}

test("isZero knows zero in both forms", () => {
  assert.deepEqual([0, "0%", "00%", undefined].map(isZero), [true, true, true, true]);
  assert.deepEqual([1, "1%", "10%"].map(isZero), [false, false, false]);
});
