import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFirst } from "./format-first.ts";

const cases = [
  [[], ""],
  [["a"], "a"],
  [["a", "b", "c"], "a,b,c"],
  [["a", "b", "c", "d"], "a,b,c + 1 more..."],
  [[80, 443, 8080, 1, 2], "80,443,8080 + 2 more..."],
] as const;

for (const [items, text] of cases) {
  test(`formatFirst shows ${items.length} items as ${JSON.stringify(text)}`, () => {
    assert.equal(formatFirst(3, items), text);
  });
}
