import assert from "node:assert/strict";
import { test } from "node:test";
import { deepFreeze } from "./freeze.ts";

test("deepFreeze freezes all levels and gives the same value", () => {
  const value = { list: [{ a: 1 }], map: { b: {} }, nothing: null };
  assert.equal(deepFreeze(value), value);
  assert.ok([value, value.list, value.list[0], value.map, value.map.b].every((part) => Object.isFrozen(part)));
  assert.throws(() => value.list.push({ a: 2 }), TypeError);
});

test("deepFreeze does not look into what is frozen already", () => {
  const inner = { a: {} };
  deepFreeze({ part: Object.freeze(inner) });
  assert.equal(Object.isFrozen(inner.a), false);
});
