import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import { createFieldSetPool, withSharedFieldSets } from "./share-field-sets.ts";

const parse = (text: string): JsonObject => JSON.parse(text);

test("createFieldSetPool gives equal sets as one frozen object, down to equal parts", () => {
  const pool = createFieldSetPool();
  const one = pool.share(parse('{"f:spec":{"f:a":{},"k:{\\"name\\":\\"x\\"}":{".":{}}},"f:status":{"f:ip":{}}}'));
  const same = pool.share(parse('{"f:spec":{"f:a":{},"k:{\\"name\\":\\"x\\"}":{".":{}}},"f:status":{"f:ip":{}}}'));
  const other = pool.share(parse('{"f:spec":{"f:a":{},"k:{\\"name\\":\\"x\\"}":{".":{}}},"f:status":{}}'));
  assert.equal(one, same);
  assert.notEqual(one, other);
  assert.equal(one["f:spec"], other["f:spec"]);
  assert.ok(Object.isFrozen(one) && Object.isFrozen(one["f:spec"]));
  assert.equal(pool.share(one), one);
});

for (const [left, right] of [
  ['{"a":{},"b":{}}', '{"a":{"b":{}}}'],
  ['{"a":{}}', '{"a0;1 b":{}}'],
  ['{"1 a":{}}', '{"a":{}}'],
] as const) {
  test(`createFieldSetPool keeps ${left} and ${right} apart`, () => {
    const pool = createFieldSetPool();
    assert.deepEqual(pool.share(parse(left)), parse(left));
    assert.deepEqual(pool.share(parse(right)), parse(right));
  });
}

const names = fc.constantFrom("f:a", "f:b", "k:{}", ".", "v:1");
const fieldSet = fc.letrec<{ set: JsonObject }>((tie) => ({
  set: fc.oneof(
    { depthSize: "small" },
    fc.constant({}),
    fc.dictionary(names, tie("set"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).set;

test("createFieldSetPool changes no set, also when the pool is small and when sets are none", () => {
  const pool = createFieldSetPool(3);
  fc.assert(fc.property(fieldSet, (set) => assert.deepEqual(pool.share(set), set)));
  for (const text of ['{"f:a":1}', '{"f:a":{"f:b":[]}}', '{"__proto__":{"f:a":{}}}', '{"f:a":null}']) {
    assert.deepEqual(pool.share(parse(text)), parse(text));
  }
});

test("withSharedFieldSets keeps entries that share already, and what else an entry has", () => {
  const pool = createFieldSetPool();
  const entries = [{ manager: "a", fieldsV1: parse('{"f:a":{}}') }, { manager: "b" }];
  const shared = withSharedFieldSets(pool, entries);
  assert.deepEqual(shared, entries);
  assert.equal(withSharedFieldSets(pool, shared), shared);
});
