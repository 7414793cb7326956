import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "#base/json.ts";
import { describeFieldError, type FieldError } from "../field-error.ts";
import { compileEmbeddedChecks } from "./check-embedded.ts";
import { compileListChecks } from "./check-lists.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
    byName: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["name"],
      items: { type: "object" },
    },
    byTwo: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["a", "b"],
      items: { type: "object" },
    },
    plain: {
      type: "array",
      items: { type: "object", properties: { set: { type: "array", "x-kubernetes-list-type": "set" } } },
    },
    inMap: { type: "object", additionalProperties: { type: "array", "x-kubernetes-list-type": "set" } },
  },
};

const table: readonly (readonly [value: JsonValue, ...problems: readonly string[]])[] = [
  [
    {
      set: ["a", "b"],
      byName: [{ name: "a" }, { name: "b" }],
      byTwo: [
        { a: 1, b: 1 },
        { a: 1, b: 2 },
      ],
      plain: [1, 1],
    },
  ],
  [{ set: ["a", "b", "a", "a"] }, 'set[2]: Duplicate value: "a"'],
  [{ byName: [{ name: "a" }, { name: "a", x: 1 }] }, 'byName[1]: Duplicate value: {"name":"a"}'],
  [{ byName: [{}, {}] }, "byName[1]: Duplicate value: {}"],
  [{ byName: ["x"] }, 'byName[0]: Invalid value: "x": must be an object for an array of list-type map'],
  [
    {
      byTwo: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    },
    'byTwo[1]: Duplicate value: {"a":1,"b":2}',
  ],
  [{ plain: [{ set: [1, 1] }] }, "plain[0].set[1]: Duplicate value: 1"],
  [{ inMap: { k: [1, 1] } }, "inMap[k][1]: Duplicate value: 1"],
];
for (const [value, ...problems] of table) {
  test(`compileListChecks in ${JSON.stringify(value)}`, () => {
    const errors: FieldError[] = [];
    compileListChecks(schema)?.(value, [], errors);
    assert.deepEqual(errors.map(describeFieldError), problems);
  });
}

test("compileListChecks makes nothing where there is nothing to check", () => {
  assert.equal(compileListChecks({ type: "object", properties: { a: { type: "array" } } }), undefined);
});

const resource = { type: "object", "x-kubernetes-embedded-resource": true } as const;
const embedded: JsonSchemaProps = {
  type: "object",
  properties: {
    one: resource,
    many: { type: "array", items: resource },
    map: { type: "object", additionalProperties: resource },
  },
};
const resources: readonly (readonly [value: JsonValue, ...problems: readonly string[]])[] = [
  [{ one: { apiVersion: "v1", kind: "Pod", metadata: { name: "a", labels: { app: "x" } } }, many: [], map: {} }],
  [{ one: {} }, "one.apiVersion: Required value", "one.kind: Required value"],
  [
    { many: [{ apiVersion: 1, kind: "" }] },
    "many[0].apiVersion: Invalid value: 1: must be a string",
    'many[0].kind: Invalid value: "": must not be empty',
  ],
  [
    { map: { k: { apiVersion: "a/b/c", kind: "Pod" } } },
    'map[k].apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ],
];
for (const [value, ...problems] of resources) {
  test(`compileEmbeddedChecks in ${JSON.stringify(value)}`, () => {
    const errors: FieldError[] = [];
    compileEmbeddedChecks(embedded)?.(value, [], errors);
    assert.deepEqual(errors.map(describeFieldError), problems);
  });
}

test("compileEmbeddedChecks finds wrong metadata", () => {
  const errors: FieldError[] = [];
  const metadata = { labels: { app: "?" } };
  compileEmbeddedChecks(embedded)?.({ one: { apiVersion: "v1", kind: "Pod", metadata } }, [], errors);
  compileEmbeddedChecks(embedded)?.({ one: { apiVersion: "v1", kind: "Pod", metadata: { name: 1 } } }, [], errors);
  assert.deepEqual(
    errors.map(({ field }) => field),
    ["one.metadata.labels", "one.metadata"],
  );
});
