import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { jsonEqual } from "../schema/json-equal.ts";
import { applyMergePatch } from "./merge-patch.ts";

/** Those of the RFC's appendix whose patch is an object. */
const RFC: readonly (readonly [object: string, patch: string, expected: string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  // A ConfigMap may have these keys.
  ['{"data":{}}', '{"data":{"__proto__":"x","constructor":"y"}}', '{"data":{"__proto__":"x","constructor":"y"}}'],
  ["{}", '{"constructor":{"name":"x"}}', '{"constructor":{"name":"x"}}'],
];

for (const [object, patch, expected] of RFC) {
  test(`applyMergePatch of ${patch} to ${object}`, () => {
    assert.equal(JSON.stringify(applyMergePatch(JSON.parse(object), JSON.parse(patch))), expected);
  });
}

for (const patch of [null, 1, "x", [{}]]) {
  test(`applyMergePatch refuses ${JSON.stringify(patch)}`, () => {
    assert.throws(
      () => applyMergePatch({}, patch),
      (error) => isApiError(error, "BadRequest"),
    );
  });
}

test("applyMergePatch shares what the patch does not touch", () => {
  const object = { metadata: { labels: { a: "b" } }, spec: { list: [1] } };
  const merged = applyMergePatch(object, { metadata: { labels: { c: "d" } } }) as typeof object;
  assert.equal(merged.spec, object.spec);
  assert.deepEqual(object.metadata.labels, { a: "b" });
});

/** The patch that makes `next` of `old`. */
function diff(old: JsonObject, next: JsonObject): JsonObject {
  const removed = Object.keys(old).filter((key) => !Object.hasOwn(next, key));
  const changed = Object.entries(next).flatMap(([key, value]) => {
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    if (value === undefined || jsonEqual(before, value)) return [];
    const patch = isJsonObject(value) ? diff(isJsonObject(before) ? before : {}, value) : value;
    return [[key, patch] as const];
  });
  return Object.fromEntries([...removed.map((key) => [key, null] as const), ...changed]);
}

test("applyMergePatch of a difference gives the other object", () => {
  const key = fc.constantFrom("a", "b", "c", "__proto__", "constructor");
  const { value } = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.integer(), fc.constantFrom("x", ""), fc.array(fc.integer()), tie("object")),
    object: fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  }));
  const object = fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => Object.fromEntries(entries));
  fc.assert(
    fc.property(object, object, (old, next) => {
      assert.ok(jsonEqual(applyMergePatch(old, diff(old, next)), next));
    }),
    { numRuns: 1000 },
  );
});
