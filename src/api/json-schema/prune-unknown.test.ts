import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { deepFreeze } from "../schema/freeze.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";
import { pruneUnknown } from "./prune-unknown.ts";

const schema: JsonSchemaProps = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        known: { type: "string" },
        list: { type: "array", items: { type: "object", properties: { name: { type: "string" } } } },
        labels: { type: "object", additionalProperties: { type: "string" } },
        byName: { type: "object", additionalProperties: { type: "object", properties: { a: { type: "string" } } } },
        anything: { type: "object", additionalProperties: true },
        kept: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { inner: { type: "object", properties: { a: { type: "string" } } } },
        },
        keptList: {
          type: "array",
          "x-kubernetes-preserve-unknown-fields": true,
          items: { type: "object", properties: { a: { type: "string" } } },
        },
        pod: { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: { type: "object" } } },
      },
    },
  },
};

const table: readonly {
  readonly why: string;
  readonly spec: JsonValue;
  readonly left: JsonValue;
  readonly unknown: readonly string[];
}[] = [
  { why: "a member", spec: { known: "a", bogus: 1 }, left: { known: "a" }, unknown: ["spec.bogus"] },
  {
    why: "a member of an item",
    spec: { list: [{ name: "a" }, { x: 1 }] },
    left: { list: [{ name: "a" }, {}] },
    unknown: ["spec.list[1].x"],
  },
  { why: "nothing in a map", spec: { labels: { any: "a" } }, left: { labels: { any: "a" } }, unknown: [] },
  {
    why: "a member in a map",
    spec: { byName: { k: { a: "x", b: "y" } } },
    left: { byName: { k: { a: "x" } } },
    unknown: ["spec.byName.k.b"],
  },
  {
    why: "only what is below where anything is allowed",
    spec: { anything: { a: 1, b: { c: 1 } } },
    left: { anything: { a: 1, b: {} } },
    unknown: ["spec.anything.b.c"],
  },
  {
    why: "nothing that is kept, but in what is named there",
    spec: { kept: { x: { y: 1 }, inner: { b: 1 } } },
    left: { kept: { x: { y: 1 }, inner: {} } },
    unknown: ["spec.kept.inner.b"],
  },
  {
    why: "nothing in a list that keeps",
    spec: { keptList: [{ b: { c: 1 } }] },
    left: { keptList: [{ b: { c: 1 } }] },
    unknown: [],
  },
  {
    why: "no metadata of a resource",
    spec: { pod: { apiVersion: "v1", kind: "Pod", metadata: { x: 1 }, bogus: 1 } },
    left: { pod: { apiVersion: "v1", kind: "Pod", metadata: { x: 1 } } },
    unknown: ["spec.pod.bogus"],
  },
  { why: "nothing of another type", spec: "text", left: "text", unknown: [] },
  { why: "names of Object's own members", spec: { constructor: 1 }, left: {}, unknown: ["spec.constructor"] },
];
for (const { why, spec, left, unknown } of table) {
  test(`pruneUnknown takes out ${why}`, () => {
    const object: JsonObject = deepFreeze({ apiVersion: "a/v1", kind: "A", metadata: { x: 1 }, spec });
    assert.deepEqual(pruneUnknown(schema, object, true), { value: { ...object, spec: left }, unknown });
  });
}

test("pruneUnknown takes metadata out of what is no resource", () => {
  assert.deepEqual(pruneUnknown(schema, { metadata: {} }, false), { value: {}, unknown: ["metadata"] });
});

test("pruneUnknown gives the same value when it has nothing to do, and finds nothing twice", () => {
  const names = fc.constantFrom(
    "known",
    "list",
    "labels",
    "byName",
    "anything",
    "kept",
    "keptList",
    "pod",
    "name",
    "a",
    "x",
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant("text"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(names, tie("value")),
    ),
  }));
  const property = fc.property(value, (spec) => {
    const object: JsonObject = deepFreeze({ spec });
    const first = pruneUnknown(schema, object, true);
    const second = pruneUnknown(schema, first.value, true);
    assert.deepEqual(second.unknown, []);
    assert.equal(second.value, first.value);
    assert.equal(first.value === object, first.unknown.length === 0);
  });
  fc.assert(property, { numRuns: 500 });
});
