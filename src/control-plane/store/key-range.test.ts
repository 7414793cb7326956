import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareKeys, endOfPrefix } from "./key-range.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "utf8");
// Whole characters only: a lone surrogate has no UTF-8.
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "/", "\ud7ff", "\ue000", "\u{10ffff}", "🎉"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
});

test("compareKeys orders as UTF-8 bytes do", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareKeys(a, b)), Math.sign(Buffer.compare(bytes(a), bytes(b))));
    }),
  );
});

test("endOfPrefix is behind all texts with the prefix, and before all others that are behind it", () => {
  fc.assert(
    fc.property(text, text, (prefix, other) => {
      const end = endOfPrefix(prefix);
      const isInside = compareKeys(other, prefix) >= 0 && (end === undefined || compareKeys(other, end) < 0);
      assert.equal(isInside, other.startsWith(prefix));
    }),
  );
  assert.equal(endOfPrefix("/registry/"), "/registry0");
  assert.equal(endOfPrefix("a\u{10ffff}"), "b");
  assert.equal(endOfPrefix(""), undefined);
});
