import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "#base/json.ts";
import { describeFieldError } from "../field-error.ts";
import { checkDefaults } from "./check-defaults.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";
import { compileValidator, validateJson } from "./validate-json.ts";

/** What is said of a value at "a". */
function problems(schema: JsonSchemaProps, value: JsonValue): readonly string[] {
  const validate = compileValidator({ type: "object", properties: { a: schema } });
  return validateJson(validate, { a: value }).map(describeFieldError);
}

interface Case {
  readonly schema: JsonSchemaProps;
  readonly good: readonly JsonValue[];
  readonly bad: readonly (readonly [value: JsonValue, ...problems: readonly string[]])[];
}

const intOrString: JsonSchemaProps = { "x-kubernetes-int-or-string": true };
const table: Readonly<Record<string, Case>> = {
  "type string": {
    schema: { type: "string" },
    good: ["", "a"],
    bad: [
      [1, 'a: Invalid value: "integer": a in body must be of type string: "integer"'],
      [{}, 'a: Invalid value: "object": a in body must be of type string: "object"'],
    ],
  },
  "type integer": {
    schema: { type: "integer" },
    good: [1, -1],
    bad: [
      ["1", 'a: Invalid value: "string": a in body must be of type integer: "string"'],
      [1.5, 'a: Invalid value: "number": a in body must be of type integer: "number"'],
    ],
  },
  "type number": {
    schema: { type: "number" },
    good: [1, 1.5],
    bad: [[true, 'a: Invalid value: "boolean": a in body must be of type number: "boolean"']],
  },
  "type array": {
    schema: { type: "array", items: { type: "string" } },
    good: [[], ["a"]],
    bad: [[["a", 1], 'a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"']],
  },
  null: {
    schema: { type: "string" },
    good: [],
    bad: [[null, 'a: Invalid value: "null": a in body must be of type string: "null"']],
  },
  nullable: { schema: { type: "string", nullable: true }, good: [null, "a"], bad: [] },
  "int or string": {
    schema: intOrString,
    good: [1, "http"],
    bad: [[true, 'a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"']],
  },
  "int32 of another type": {
    schema: { type: "integer", format: "int32" },
    good: [5],
    bad: [
      [true, 'a: Invalid value: "": a in body must be of type int32: ""'],
      [2 ** 31, '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a'],
    ],
  },
  enum: {
    schema: { type: "string", enum: ["b", "c"] },
    good: ["b"],
    bad: [["x", 'a: Unsupported value: "x": supported values: "b", "c"']],
  },
  minimum: {
    schema: { type: "integer", minimum: 1 },
    good: [1],
    bad: [[0, "a: Invalid value: 0: a in body should be greater than or equal to 1"]],
  },
  "exclusive bounds": {
    schema: { type: "number", minimum: 0, exclusiveMinimum: true, maximum: 1, exclusiveMaximum: true },
    good: [0.5],
    bad: [
      [0, "a: Invalid value: 0: a in body should be greater than 0"],
      [1, "a: Invalid value: 1: a in body should be less than 1"],
    ],
  },
  maximum: {
    schema: { type: "integer", maximum: 5 },
    good: [5],
    bad: [[6, "a: Invalid value: 6: a in body should be less than or equal to 5"]],
  },
  multipleOf: {
    schema: { type: "number", multipleOf: 0.1 },
    good: [0.3, 1],
    bad: [[0.25, "a: Invalid value: 0.25: a in body should be a multiple of 0.1"]],
  },
  maxLength: {
    schema: { type: "string", maxLength: 2 },
    good: ["ab", "😀😀"],
    bad: [["abc", "a: Too long: may not be more than 2 bytes"]],
  },
  minLength: {
    schema: { type: "string", minLength: 2 },
    good: ["ab"],
    bad: [["😀", 'a: Invalid value: "😀": a in body should be at least 2 chars long']],
  },
  pattern: {
    schema: { type: "string", pattern: "^[a-z]+$" },
    good: ["a"],
    bad: [["A", "a: Invalid value: \"A\": a in body should match '^[a-z]+$'"]],
  },
  format: {
    schema: { type: "string", format: "cidr" },
    good: ["10.0.0.0/8"],
    bad: [["x", 'a: Invalid value: "x": a in body must be of type cidr: "x"']],
  },
  "unknown format": { schema: { type: "string", format: "bogus" }, good: ["x"], bad: [] },
  minItems: {
    schema: { type: "array", items: { type: "string" }, minItems: 1 },
    good: [["a"]],
    bad: [[[], "a: Invalid value: 0: a in body should have at least 1 items"]],
  },
  maxItems: {
    schema: { type: "array", items: { type: "string" }, maxItems: 1 },
    good: [["a"]],
    bad: [[["a", "b"], "a: Too many: 2: must have at most 1 items"]],
  },
  minProperties: {
    schema: { type: "object", minProperties: 1 },
    good: [{ x: 1 }],
    bad: [[{}, "a: Invalid value: 0: a in body should have at least 1 properties"]],
  },
  maxProperties: {
    schema: { type: "object", maxProperties: 1 },
    good: [{ x: 1 }],
    bad: [[{ x: 1, y: 1 }, "a: Too many: 2: must have at most 1 items"]],
  },
  required: {
    schema: { type: "object", required: ["b"], properties: { b: { type: "string" } } },
    good: [{ b: "" }],
    bad: [[{}, "a.b: Required value"]],
  },
  additionalProperties: {
    schema: { type: "object", additionalProperties: { type: "integer" } },
    good: [{ x: 1 }],
    bad: [[{ x: "y" }, 'a.x: Invalid value: "string": a.x in body must be of type integer: "string"']],
  },
  "no additionalProperties": {
    schema: { type: "object", additionalProperties: false },
    good: [{}],
    bad: [[{ x: 1 }, 'a: Invalid value: "x": a.x in body is a forbidden property']],
  },
  anyOf: {
    schema: { ...intOrString, anyOf: [{ type: "integer", minimum: 5 }, { type: "string" }] },
    good: [5, "x"],
    bad: [
      [
        4,
        '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
        "a: Invalid value: 4: a in body should be greater than or equal to 5",
      ],
    ],
  },
  "oneOf with none": {
    schema: { type: "object", properties: { x: {}, y: {} }, oneOf: [{ required: ["x"] }, { required: ["y"] }] },
    good: [{ x: 1 }, { y: 1 }],
    bad: [
      [
        {},
        '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
        "a.x: Required value",
      ],
      [
        { x: 1, y: 1 },
        '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
  },
  allOf: {
    schema: { type: "string", allOf: [{ minLength: 1 }, { maxLength: 1 }] },
    good: ["a"],
    bad: [
      [
        "",
        'a: Invalid value: "": a in body should be at least 1 chars long',
        '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)',
      ],
    ],
  },
  not: {
    schema: { type: "string", not: { enum: ["b"] } },
    good: ["a"],
    bad: [["b", '<nil>: Invalid value: "": "a" must not validate the schema (not)']],
  },
};
for (const [name, { schema, good, bad }] of Object.entries(table)) {
  test(`validateJson checks ${name}`, () => {
    for (const value of good) assert.deepEqual(problems(schema, value), [], JSON.stringify(value));
    for (const [value, ...expected] of bad) assert.deepEqual(problems(schema, value), expected);
  });
}

test("checkDefaults wants defaults that their schema allows", () => {
  const schema: JsonSchemaProps = {
    type: "object",
    properties: {
      a: { type: "integer", default: "x" },
      b: { type: "object", properties: { c: { type: "string" } }, default: { d: 1 } },
      e: { type: "object", properties: { f: { type: "integer" } }, default: { f: "x" } },
      metadata: { type: "object", properties: { name: { type: "string", default: 1 } } },
    },
  };
  assert.deepEqual(checkDefaults(schema, "s").map(describeFieldError), [
    's.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"',
    's.properties[b].default: Invalid value: {"d":1}: must not have unknown fields',
    's.properties[e].default.f: Invalid value: "string": f in body must be of type integer: "string"',
  ]);
});
