import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countIndexes } from "#api/kinds/job/indexes.ts";
import { formatIndexes, parseIndexes } from "./indexes.ts";

const rows: readonly (readonly [indexes: readonly number[], text: string])[] = [
  [[], ""],
  [[3], "3"],
  [[3, 1], "1,3"],
  [[0, 1], "0,1"],
  [[2, 1, 0], "0-2"],
  [[1, 3, 4, 5, 7], "1,3-5,7"],
];

for (const [indexes, text] of rows) {
  test(`formatIndexes gives ${JSON.stringify(text)} for ${JSON.stringify(indexes)}`, () => {
    assert.equal(formatIndexes(indexes), text);
  });
}

test("parseIndexes reads what formatIndexes writes, and the server accepts it", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), (indexes) => {
      const text = formatIndexes(indexes);
      assert.deepEqual(
        [...parseIndexes(text)],
        indexes.toSorted((a, b) => a - b),
      );
      assert.deepEqual(countIndexes(text, 61), { count: indexes.length });
    }),
  );
});

test("parseIndexes passes over what it cannot read", () => {
  assert.deepEqual([...parseIndexes("1,x,3-")], [1]);
  assert.deepEqual([...parseIndexes(undefined)], []);
});
