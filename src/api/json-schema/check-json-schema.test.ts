import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFieldError } from "../field-error.ts";
import { checkJsonSchema } from "./check-json-schema.ts";
import { checkStructural } from "./check-structural.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

/** A schema with this one at its member "a". */
function withA(a: JsonSchemaProps): JsonSchemaProps {
  return { type: "object", properties: { a } };
}

const item: JsonSchemaProps = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const KEYS = "x-kubernetes-list-map-keys";
const TYPE = "x-kubernetes-list-type";
const A = "s.properties[a]";

const schemas: readonly (readonly [schema: JsonSchemaProps, ...problems: readonly string[]])[] = [
  [withA({ type: "array", items: item, [TYPE]: "map", [KEYS]: ["name"] })],
  [
    withA({ type: "blob" }),
    `${A}.type: Unsupported value: "blob": supported values: "array", "boolean", "integer", "number", "object", "string"`,
  ],
  [withA({ type: "string", $ref: "#/x" }), `${A}.$ref: Forbidden: $ref is not supported`],
  [
    withA({ type: "object", patternProperties: { a: {} } }),
    `${A}.patternProperties: Forbidden: patternProperties is not supported`,
  ],
  [
    withA({ type: "array", items: item, uniqueItems: true }),
    `${A}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
  ],
  [
    withA({ type: "object", properties: { b: { type: "string" } }, additionalProperties: { type: "string" } }),
    `${A}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
  ],
  [
    withA({ type: "object", additionalProperties: { bogus: 1 } }),
    `${A}.additionalProperties: Invalid value: {"bogus":1}: unknown field "bogus"`,
  ],
  [
    withA({ type: "object", additionalProperties: { type: "blob" } }),
    `${A}.additionalProperties.type: Unsupported value: "blob": supported values: "array", "boolean", "integer", "number", "object", "string"`,
  ],
  [
    withA({ "x-kubernetes-preserve-unknown-fields": false }),
    `${A}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
  ],
  [
    withA({ type: "string", "x-kubernetes-map-type": "atomic" }),
    `${A}.type: Invalid value: "string": must be object if x-kubernetes-map-type is specified`,
  ],
  [
    withA({ type: "object", "x-kubernetes-map-type": "x" }),
    `${A}.x-kubernetes-map-type: Unsupported value: "x": supported values: "atomic", "granular"`,
  ],
  [
    withA({ type: "string", [TYPE]: "set" }),
    `${A}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`,
  ],
  [
    withA({ type: "array", items: item, [TYPE]: "bag" }),
    `${A}.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "map", "set"`,
  ],
  [
    withA({ type: "array", items: item, [TYPE]: "set" }),
    `${A}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
  ],
  [
    withA({ type: "array", items: item, [KEYS]: ["name"] }),
    `${A}.x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty`,
  ],
  [
    withA({ type: "array", items: item, [TYPE]: "map" }),
    `${A}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
  ],
  [
    withA({ type: "array", items: item, [TYPE]: "map", [KEYS]: ["x"] }),
    `${A}.x-kubernetes-list-map-keys: Invalid value: ["x"]: entries must all be names of item properties`,
  ],
  [
    withA({ type: "array", items: { ...item, required: [] }, [TYPE]: "map", [KEYS]: ["name"] }),
    `${A}.items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
  ],
  [
    withA({ type: "object", "x-kubernetes-validations": [{ rule: " " }] }),
    `${A}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
  ],
  [
    withA({ type: "object", "x-kubernetes-validations": [{ rule: "true", reason: "x" }] }),
    `${A}.x-kubernetes-validations[0].reason: Unsupported value: "x": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
  ],
  [
    {
      type: "object",
      properties: { metadata: { type: "object", properties: { name: { type: "string", default: "x" } } } },
    },
    "s.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata",
  ],
];
for (const [index, [schema, ...problems]] of schemas.entries()) {
  test(`checkJsonSchema ${index}: ${problems[0] ?? "finds nothing"}`, () => {
    assert.deepEqual(checkJsonSchema(schema, "s").map(describeFieldError), problems);
  });
}

const structural: readonly (readonly [schema: JsonSchemaProps, ...problems: readonly string[]])[] = [
  [withA({ "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] })],
  [
    withA({
      "x-kubernetes-int-or-string": true,
      allOf: [{ anyOf: [{ type: "integer" }, { type: "string" }] }, { minimum: 1 }],
    }),
  ],
  [withA({ "x-kubernetes-preserve-unknown-fields": true })],
  [
    {
      type: "object",
      properties: { metadata: { type: "object", properties: { name: { type: "string", maxLength: 5 } } } },
    },
  ],
  [{ properties: {} }, "s.type: Required value: must not be empty at the root"],
  [{ type: "array", items: item }, 's.type: Invalid value: "array": must be object at the root'],
  [withA({}), `${A}.type: Required value: must not be empty for specified object fields`],
  [withA({ type: "array" }), `${A}.items: Required value: must be specified`],
  [withA({ type: "array", items: {} }), `${A}.items.type: Required value: must not be empty for specified array items`],
  [{ type: "object", additionalProperties: true }, "s.additionalProperties: Forbidden: must not be used at the root"],
  [
    withA({ type: "string", anyOf: [{ type: "string" }] }),
    `${A}.anyOf[0].type: Forbidden: must be empty to be structural`,
  ],
  [
    withA({ type: "string", not: { default: 1, nullable: true } }),
    `${A}.not.default: Forbidden: must be undefined to be structural`,
    `${A}.not.nullable: Forbidden: must be false to be structural`,
  ],
  [
    withA({ type: "object", oneOf: [{ properties: { b: { minimum: 1 } } }] }),
    `${A}.properties[b]: Required value: because it is defined in ${A}.oneOf[0].properties[b]`,
  ],
  [
    withA({ type: "string", pattern: "(" }),
    `${A}.pattern: Invalid value: "(": must be a valid regular expression, but isn't: Invalid regular expression: /(/: Unterminated group`,
  ],
  [
    withA({ "x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true }),
    `${A}.x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true`,
  ],
  [
    withA({ "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true }),
    `${A}.type: Required value: must be object if x-kubernetes-embedded-resource is true`,
  ],
  [
    withA({ type: "object", "x-kubernetes-embedded-resource": true }),
    `${A}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
  ],
  [
    { type: "object", properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } },
    "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
  ],
  [
    { type: "object", properties: { kind: { type: "integer" } } },
    's.properties[kind].type: Invalid value: "integer": must be string',
  ],
];
for (const [index, [schema, ...problems]] of structural.entries()) {
  test(`checkStructural ${index}: ${problems[0] ?? "finds nothing"}`, () => {
    assert.deepEqual(checkStructural(schema, "s").map(describeFieldError), problems);
  });
}
