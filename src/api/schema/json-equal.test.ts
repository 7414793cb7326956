import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "#base/json.ts";
import { jsonEqual } from "./json-equal.ts";

const cases: readonly (readonly [JsonValue | undefined, JsonValue | undefined, boolean])[] = [
  [1, 1, true],
  [1, "1", false],
  [null, undefined, false],
  [null, {}, false],
  [[], {}, false],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: undefined }, { b: 1 }, false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: 1, b: 2 }, { a: 1 }, false],
  [[1, 2], [2, 1], false],
  [[1], [1, 1], false],
  [{ a: [{ b: null }] }, { a: [{ b: null }] }, true],
  [{ constructor: {} }, {}, false],
];

for (const [a, b, expected] of cases) {
  test(`jsonEqual of ${JSON.stringify(a)} and ${JSON.stringify(b)} is ${expected}`, () => {
    assert.equal(jsonEqual(a, b), expected);
    assert.equal(jsonEqual(b, a), expected);
  });
}

test("jsonEqual agrees with the deep equality of node:assert", () => {
  const property = fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (a, b) => {
    const isEqual = (x: unknown, y: unknown) => {
      try {
        assert.deepEqual(x, y);
        return true;
      } catch {
        return false;
      }
    };
    // JSON does not know -0.
    const [left, right] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))];
    assert.ok(jsonEqual(left, structuredClone(left)));
    assert.equal(jsonEqual(left, right), isEqual(left, right));
  });
  fc.assert(property);
});
