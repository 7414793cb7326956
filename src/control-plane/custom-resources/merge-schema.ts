/**
 * The JSON schema of a custom kind as a `Schema`: how server-side apply and managedFields see its objects. What holds
 * for values is not in it; pruning, defaults and validation go by the JSON schema itself.
 * Source: Kubernetes documentation, "Server-Side Apply" (merge strategy).
 */
import { additionalOf, type JsonSchemaProps, preservesUnknown } from "#api/json-schema/json-schema-props.ts";
import { objectMeta } from "#api/meta/object-meta.ts";
import {
  any,
  boolean,
  type Field,
  field,
  int64,
  intOrString,
  type ListMerge,
  type ObjectSchema,
  type Schema,
  string,
} from "#api/schema/schema.ts";

/** The schema of the whole object. `name` is OpenAPI's. */
export function mergeSchema(schema: JsonSchemaProps, name: string): ObjectSchema {
  return resourceSchema(schema, name);
}

function schemaOf(schema: JsonSchemaProps, name: string): Schema {
  if (schema["x-kubernetes-int-or-string"] === true) return intOrString;
  switch (schema.type) {
    case "string":
      return string;
    case "boolean":
      return boolean;
    case "integer":
      return int64;
    case "number":
      return { type: "number" };
    case "array":
      return { type: "list", item: schemaOf(schema.items ?? {}, `${name}.items`), merge: mergeOf(schema) };
    case "object":
      return schema["x-kubernetes-embedded-resource"] === true
        ? resourceSchema(schema, name)
        : membersSchema(schema, name);
    default:
      // Without a type anything may be there.
      return schema.properties === undefined ? any : membersSchema(schema, name);
  }
}

function mergeOf({
  "x-kubernetes-list-type": type,
  "x-kubernetes-list-map-keys": keys = [],
}: JsonSchemaProps): ListMerge {
  if (type === "set") return { kind: "set", patchMerge: false };
  return type === "map" && keys.length > 0 ? { kind: "map", keys } : { kind: "atomic" };
}

function membersSchema(schema: JsonSchemaProps, name: string): Schema {
  const additional = additionalOf(schema);
  const isAtomic = schema["x-kubernetes-map-type"] === "atomic";
  if (additional !== undefined || schema.additionalProperties === true) {
    const value = additional === undefined ? any : schemaOf(additional, `${name}.additionalProperties`);
    return { type: "map", value, ...(isAtomic && { isAtomic }) };
  }
  return objectSchema(schema, name, {});
}

function resourceSchema(schema: JsonSchemaProps, name: string): ObjectSchema {
  return objectSchema(schema, name, {
    apiVersion: field(0, string, "Group and version of the kind."),
    kind: field(0, string, "Name of the kind."),
    metadata: field(1, objectMeta, "Name, labels and what the server keeps about the object."),
  });
}

function objectSchema(schema: JsonSchemaProps, name: string, known: Readonly<Record<string, Field>>): ObjectSchema {
  const members = Object.entries(schema.properties ?? {}).filter(([member]) => known[member] === undefined);
  return {
    type: "object",
    name,
    doc: schema.description ?? "",
    fields: {
      ...known,
      ...Object.fromEntries(members.map(([member, part]) => [member, fieldOf(part, `${name}.${member}`)])),
    },
    ...(schema["x-kubernetes-map-type"] === "atomic" && { isAtomic: true }),
    ...(preservesUnknown(schema) && { keepsUnknown: true }),
  };
}

/** Not on the protobuf wire, so without a number. A default counts where it is a key of a list. */
function fieldOf(schema: JsonSchemaProps, name: string): Field {
  const { description = "", default: value } = schema;
  const options = { pointer: true, ...(value !== undefined && { default: value }) } as const;
  return field(0, schemaOf(schema, name), description, options);
}
