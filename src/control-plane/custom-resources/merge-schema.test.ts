import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonSchemaProps } from "#api/json-schema/json-schema-props.ts";
import { objectMeta } from "#api/meta/object-meta.ts";
import type { Schema } from "#api/schema/schema.ts";
import { mergeSchema } from "./merge-schema.ts";

/** The part of a schema that says how values merge. */
function shapeOf(schema: Schema): unknown {
  if (schema === objectMeta) return "metadata";
  switch (schema.type) {
    case "list":
      return { list: shapeOf(schema.item), merge: schema.merge.kind === "map" ? schema.merge.keys : schema.merge.kind };
    case "map":
      return { map: shapeOf(schema.value), ...(schema.isAtomic === true && { isAtomic: true }) };
    case "object": {
      const fields = Object.entries(schema.fields).map(([name, field]) => [name, shapeOf(field.schema)]);
      return {
        ...Object.fromEntries(fields),
        ...(schema.isAtomic === true && { isAtomic: true }),
        ...(schema.keepsUnknown === true && { keepsUnknown: true }),
      };
    }
    default:
      return schema.type;
  }
}

const list = { type: "array", items: { type: "object", properties: { a: { type: "string" } } } } as const;
const resource = { apiVersion: "string", kind: "string", metadata: "metadata" };
const table: readonly (readonly [schema: JsonSchemaProps, shape: unknown])[] = [
  [{ type: "string", format: "date-time" }, "string"],
  [{ type: "integer", format: "int32" }, "integer"],
  [{ type: "number" }, "number"],
  [{ type: "boolean" }, "boolean"],
  [{ "x-kubernetes-int-or-string": true }, "intOrString"],
  [{ "x-kubernetes-preserve-unknown-fields": true }, "any"],
  [list, { list: { a: "string" }, merge: "atomic" }],
  [
    { ...list, "x-kubernetes-list-type": "set" },
    { list: { a: "string" }, merge: "set" },
  ],
  [
    { ...list, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"] },
    { list: { a: "string" }, merge: ["a"] },
  ],
  [{ type: "object", additionalProperties: { type: "string" } }, { map: "string" }],
  [
    { type: "object", additionalProperties: true, "x-kubernetes-map-type": "atomic" },
    { map: "any", isAtomic: true },
  ],
  [
    { type: "object", "x-kubernetes-map-type": "atomic", properties: { a: { type: "string" } } },
    { a: "string", isAtomic: true },
  ],
  [{ type: "object", "x-kubernetes-preserve-unknown-fields": true }, { keepsUnknown: true }],
  [
    { type: "object", "x-kubernetes-embedded-resource": true, properties: { spec: { type: "object" } } },
    { ...resource, spec: {} },
  ],
];
for (const [schema, shape] of table) {
  test(`mergeSchema of ${JSON.stringify(schema)}`, () => {
    const root = mergeSchema(
      { type: "object", properties: { metadata: { type: "object" }, part: schema } },
      "com.example.v1.A",
    );
    assert.deepEqual(shapeOf(root), { ...resource, part: shape });
  });
}

test("mergeSchema knows defaults of list keys", () => {
  const root = mergeSchema({ type: "object", properties: { protocol: { type: "string", default: "TCP" } } }, "a.v1.A");
  assert.equal(root.fields["protocol"]?.default, "TCP");
  assert.equal(root.fields["protocol"]?.pointer, true);
});
