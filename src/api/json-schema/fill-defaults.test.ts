import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "#base/json.ts";
import { deepFreeze } from "../schema/freeze.ts";
import { compileDefaults } from "./fill-defaults.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    mode: { type: "string", default: "Fast" },
    zero: { type: "integer", default: 0 },
    nullable: { type: "string", nullable: true, default: "x" },
    plain: { type: "string" },
    inner: { type: "object", default: {}, properties: { a: { type: "string", default: "b" } } },
    optional: { type: "object", properties: { a: { type: "string", default: "b" } } },
    list: { type: "array", items: { type: "object", properties: { protocol: { type: "string", default: "TCP" } } } },
    map: {
      type: "object",
      additionalProperties: { type: "object", properties: { a: { type: "string", default: "b" } } },
    },
    numbers: { type: "array", items: { type: "integer", default: 5 } },
  },
};
const complete = compileDefaults(schema);
const defaults = { mode: "Fast", zero: 0, nullable: "x", inner: { a: "b" } };

const table: readonly { readonly why: string; readonly given: JsonValue; readonly completed: JsonValue }[] = [
  { why: "what is absent", given: {}, completed: defaults },
  { why: "no value that is there", given: { mode: "", zero: 1 }, completed: { ...defaults, mode: "", zero: 1 } },
  { why: "a null that is not allowed", given: { mode: null }, completed: defaults },
  { why: "no null that is allowed", given: { nullable: null }, completed: { ...defaults, nullable: null } },
  { why: "nothing in the place of a null without a default", given: { plain: null }, completed: defaults },
  {
    why: "members of objects that are there",
    given: { optional: {} },
    completed: { ...defaults, optional: { a: "b" } },
  },
  {
    why: "items",
    given: { list: [{}, { protocol: "UDP" }] },
    completed: { ...defaults, list: [{ protocol: "TCP" }, { protocol: "UDP" }] },
  },
  { why: "values of maps", given: { map: { k: {} } }, completed: { ...defaults, map: { k: { a: "b" } } } },
  { why: "nulls in lists", given: { numbers: [1, null] }, completed: { ...defaults, numbers: [1, 5] } },
  { why: "nothing in another type", given: "text", completed: "text" },
];
for (const { why, given, completed } of table) {
  test(`compileDefaults fills in ${why}`, () => {
    const result = complete(deepFreeze(given));
    assert.deepEqual(result, completed);
    assert.equal(complete(result), result);
  });
}
