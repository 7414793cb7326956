import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countIndexes } from "./indexes.ts";

const counts = [
  ["", 0],
  ["0", 1],
  ["1,3-5", 4],
  ["0-9", 10],
] as const;

for (const [text, count] of counts) {
  test(`countIndexes counts ${count} in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(countIndexes(text, 10), { count });
  });
}

const problems = [
  ["x", 'cannot convert string to integer for index: "x"'],
  ["1,", 'cannot convert string to integer for index: ""'],
  ["10", 'too large index: "10"'],
  ["3-12", 'too large index: "12"'],
  ["5-3", "non-increasing order, previous: 5, current: 3"],
  ["3-3", "non-increasing order, previous: 3, current: 3"],
  ["3,3", "non-increasing order, previous: 3, current: 3"],
  ["3-5,4", "non-increasing order, previous: 5, current: 4"],
  [
    "1-2-3",
    "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
  ],
] as const;

for (const [text, problem] of problems) {
  test(`countIndexes says what is wrong with ${JSON.stringify(text)}`, () => {
    assert.deepEqual(countIndexes(text, 10), { problem });
  });
}

test("countIndexes counts any set of indexes that is written as text", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200)), (indexes) => {
      assert.deepEqual(countIndexes(formatIndexes(indexes), 201), { count: indexes.length });
    }),
  );
});

function formatIndexes(indexes: readonly number[]): string {
  const present = new Set(indexes);
  const starts = indexes.filter((index) => !present.has(index - 1)).sort((a, b) => a - b);
  const runs = starts.map((start) => {
    let end = start;
    while (present.has(end + 1)) end += 1;
    return end === start ? String(start) : `${start}-${end}`;
  });
  return runs.join(",");
}
