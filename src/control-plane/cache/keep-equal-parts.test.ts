import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "#api/kind.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import { keepEqualParts } from "./keep-equal-parts.ts";

// Any JSON will do.
const object = (value: unknown): KubeObject => deepFreeze(JSON.parse(JSON.stringify(value)));

test("keepEqualParts keeps what has not changed, and gives the last object when nothing has", () => {
  const last = object({ metadata: { labels: { a: "1" }, uid: "1" }, list: [{ n: 1 }, { n: 2 }] });
  const next = object({ metadata: { labels: { a: "1" }, uid: "2" }, list: [{ n: 1 }, { n: 3 }, 4] });
  const kept = keepEqualParts(last, next);
  assert.deepEqual(kept, next);
  assert.equal(kept.metadata.labels, last.metadata.labels);
  const [before, after] = [last, kept].map((state) => Object.values(state)[1] as unknown[]);
  assert.equal(after?.[0], before?.[0]);
  assert.notEqual(after?.[1], before?.[1]);
  assert.equal(keepEqualParts(last, object(last)), last);
});

test("keepEqualParts keeps no members in another order", () => {
  const last = object({ spec: { a: 1, b: 2 } });
  assert.equal(JSON.stringify(keepEqualParts(last, object({ spec: { b: 2, a: 1 } }))), '{"spec":{"b":2,"a":1}}');
});

test("keepEqualParts changes no text, and neither of the objects", () => {
  // Few names and values, so that many parts are equal.
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(1, "a", null, true),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "0", "constructor", "__proto__"), tie("value"), { maxKeys: 3 }),
    ),
  })).value;
  fc.assert(
    fc.property(json, json, (last, next) => {
      const texts = [JSON.stringify(last), JSON.stringify(next)];
      const [before, after] = [object({ last }), object({ last: next })];
      assert.equal(JSON.stringify(keepEqualParts(before, after)), JSON.stringify(after));
      assert.deepEqual([JSON.stringify(last), JSON.stringify(next)], texts);
    }),
  );
});
