/** Whether the defaults in a schema are values that the schema allows. Texts of the API server. */
import { isJsonObject } from "#base/json.ts";
import { childPath, type FieldError, invalid, keyPath } from "../field-error.ts";
import { type JsonSchemaProps, META_FIELDS } from "./json-schema-props.ts";
import { pruneUnknown } from "./prune-unknown.ts";
import { compileValidator, validateJson } from "./validate-json.ts";

export function checkDefaults(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  return check(schema, path, true);
}

/** Inside apiVersion, kind and metadata there are other rules. */
function check(schema: JsonSchemaProps, path: string, isResource: boolean): readonly FieldError[] {
  const { items, properties = {} } = schema;
  const isEmbedded = isResource || schema["x-kubernetes-embedded-resource"] === true;
  return [
    ...checkDefault(schema, childPath(path, "default")),
    ...(items === undefined ? [] : check(items, childPath(path, "items"), false)),
    ...Object.entries(properties).flatMap(([name, member]) =>
      isEmbedded && META_FIELDS.has(name) ? [] : check(member, keyPath(childPath(path, "properties"), name), false),
    ),
  ];
}

function checkDefault(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  const { default: value } = schema;
  if (value === undefined) return [];
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  if (isJsonObject(value) && pruneUnknown(schema, value, isEmbedded).unknown.length > 0) {
    return [invalid(path, value, "must not have unknown fields")];
  }
  return validateJson(compileValidator(schema), value).map((error) => ({
    ...error,
    field: error.field === "" ? path : childPath(path, error.field),
  }));
}
