import assert from "node:assert/strict";
import { test } from "node:test";
import { apiVersionOf } from "./kind.ts";
import { kinds } from "./kinds.ts";
import type { ObjectSchema, Schema } from "./schema/schema.ts";

const messages = new Map(kinds.flatMap(({ schema }) => [...messagesOf(schema)]).map((schema) => [schema, schema.name]));

test("kinds names each kind and each resource once", () => {
  const ids = kinds.flatMap((kind) => [`${apiVersionOf(kind)} ${kind.kind}`, `${apiVersionOf(kind)}/${kind.plural}`]);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) < index),
    [],
  );
});

test("kinds gives a name to one resource only, but for those that are in two groups", () => {
  const owners = new Map<string, string>();
  for (const { shortNames, plural, singular, kind } of kinds) {
    for (const name of [...shortNames, plural, singular]) {
      assert.equal(owners.get(name) ?? kind, kind, name);
      owners.set(name, kind);
    }
  }
});

for (const declared of kinds) {
  const { kind, verbs, columns, scale, schema } = declared;
  if (verbs.includes("list")) {
    test(`columns of ${apiVersionOf(declared)} ${kind} have one for the name and no name twice`, () => {
      const names = columns.map(({ name }) => name);
      assert.ok(names.includes("Name"));
      assert.deepEqual(names, [...new Set(names)]);
    });
  }
  if (scale !== undefined) {
    test(`scale paths of ${kind} name fields`, () => {
      for (const path of [scale.specReplicas, scale.statusReplicas, scale.selector]) {
        assert.notEqual(schemaAt(schema, path.split(".")), undefined, path);
      }
    });
  }
}

test("kinds knows the messages that it is made of", () => {
  const names = [...messages.values()];
  assert.ok(names.includes("io.k8s.api.apps.v1.DeploymentSpec"));
  assert.ok(names.includes("io.k8s.api.core.v1.ServicePort"));
});

for (const [{ fields }, name] of messages) {
  test(`protobuf numbers of ${name} are unique`, () => {
    const numbers = Object.values(fields).flatMap(({ number }) => (number === 0 ? [] : [String(number)]));
    assert.deepEqual(numbers, [...new Set(numbers)]);
  });

  test(`list keys of ${name} name fields of its items`, () => {
    for (const [field, { schema }] of Object.entries(fields)) {
      if (schema.type !== "list" || schema.merge.kind !== "map") continue;
      const { keys, patchKey } = schema.merge;
      assert.equal(schema.item.type, "object", field);
      const known: readonly string[] = schema.item.type === "object" ? Object.keys(schema.item.fields) : [];
      for (const key of [...keys, ...(patchKey === undefined ? [] : [patchKey])]) {
        assert.ok(known.includes(key), `${field}: ${key}`);
      }
    }
  });
}

function messagesOf(schema: Schema, found = new Set<ObjectSchema>()): Set<ObjectSchema> {
  if (schema.type === "list") return messagesOf(schema.item, found);
  if (schema.type === "map") return messagesOf(schema.value, found);
  if (schema.type !== "object" || found.has(schema)) return found;
  found.add(schema);
  for (const field of Object.values(schema.fields)) messagesOf(field.schema, found);
  return found;
}

function schemaAt(schema: Schema, [name, ...rest]: readonly string[]): Schema | undefined {
  if (name === undefined) return schema;
  const field = schema.type === "object" ? schema.fields[name] : undefined;
  return field === undefined ? undefined : schemaAt(field.schema, rest);
}
