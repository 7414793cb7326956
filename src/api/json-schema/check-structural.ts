/**
 * Structural schemas: types are said once, outside of allOf, anyOf, oneOf and not, and everything that those name is
 * also named outside of them. Only then are pruning and defaults well defined. Texts of the API server.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (structural schemas).
 */
import { childPath, type FieldError, forbidden, invalid, keyPath, required } from "../field-error.ts";
import { jsonEqual } from "../schema/json-equal.ts";
import { checkValueValidation } from "./check-value-validation.ts";
import { additionalOf, type JsonSchemaProps, preservesUnknown } from "./json-schema-props.ts";

const INT_OR_STRING = [{ type: "integer" }, { type: "string" }];
const EMBEDDED = "x-kubernetes-embedded-resource";
const INT_OR_STRING_FLAG = "x-kubernetes-int-or-string";
const PRESERVE = "x-kubernetes-preserve-unknown-fields";

type Level = "root" | "item" | "field";

export function checkStructural(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  return checkInvariants(schema, "root", path);
}

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

function checkInvariants(schema: JsonSchemaProps, level: Level, path: string): readonly FieldError[] {
  const { type = "", items, properties = {}, additionalProperties } = schema;
  const additional = additionalOf(schema);
  const additionalPath = childPath(path, "additionalProperties");
  return [
    ...(type === "array" && items === undefined ? [required(childPath(path, "items"), "must be specified")] : []),
    ...(items === undefined ? [] : checkInvariants(items, "item", childPath(path, "items"))),
    ...Object.entries(properties).flatMap(([name, member]) =>
      checkInvariants(member, "field", keyPath(childPath(path, "properties"), name)),
    ),
    ...(additionalProperties !== undefined && level === "root"
      ? [forbidden(additionalPath, "must not be used at the root")]
      : []),
    ...(additional === undefined ? [] : checkInvariants(additional, "field", additionalPath)),
    ...checkFlags(schema, path),
    ...checkValueValidation(schema, path, {
      skipsAnyOf: jsonEqual(asJson(schema.anyOf), INT_OR_STRING),
      skipsFirstAllOf: jsonEqual(asJson(schema.allOf?.[0]?.anyOf), INT_OR_STRING),
    }),
    ...checkType(schema, level, path),
    ...checkMeta(schema, level, path),
  ];
}

function asJson(schemas: readonly JsonSchemaProps[] | undefined) {
  // Decoded from JSON.
  return schemas as Parameters<typeof jsonEqual>[0];
}

function checkFlags(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  if (schema[INT_OR_STRING_FLAG] !== true) return [];
  const why = `must be false if ${INT_OR_STRING_FLAG} is true`;
  return ([PRESERVE, EMBEDDED] as const)
    .filter((flag) => schema[flag] === true)
    .map((flag) => invalid(childPath(path, flag), true, why));
}

function checkType(schema: JsonSchemaProps, level: Level, path: string): readonly FieldError[] {
  const { type = "", additionalProperties, properties = {} } = schema;
  const isEmbedded = schema[EMBEDDED] === true;
  const where = childPath(path, "type");
  const errors: FieldError[] = [];
  if (isEmbedded && type !== "object") {
    const why = `must be object if ${EMBEDDED} is true`;
    errors.push(type === "" ? required(where, why) : invalid(where, type, why));
  } else if (type === "" && schema[INT_OR_STRING_FLAG] !== true && !preservesUnknown(schema)) {
    errors.push(required(where, EMPTY_TYPE[level]));
  }
  if (isEmbedded && additionalProperties !== undefined) {
    errors.push(forbidden(childPath(path, "additionalProperties"), `must not be used if ${EMBEDDED} is set`));
  }
  if (level === "root" && type !== "" && type !== "object") {
    errors.push(invalid(where, type, "must be object at the root"));
  }
  if (isEmbedded && !preservesUnknown(schema) && Object.keys(properties).length === 0) {
    const why = `must not be empty if ${EMBEDDED} is true without ${PRESERVE}`;
    errors.push(required(childPath(path, "properties"), why));
  }
  return errors;
}

/** What may be said of apiVersion, kind and metadata. */
function checkMeta(schema: JsonSchemaProps, level: Level, path: string): readonly FieldError[] {
  if (level !== "root" && schema[EMBEDDED] !== true) return [];
  const errors: FieldError[] = [];
  const at = (name: string): string => keyPath(childPath(path, "properties"), name);
  for (const name of ["kind", "apiVersion"]) {
    const type = schema.properties?.[name]?.type;
    if (schema.properties?.[name] === undefined || type === "string") continue;
    errors.push(invalid(childPath(at(name), "type"), type ?? "", "must be string"));
  }
  const metadata = schema.properties?.["metadata"];
  if (metadata === undefined) return errors;
  if (metadata.type !== "object") {
    errors.push(invalid(childPath(at("metadata"), "type"), metadata.type ?? "", "must be object"));
  }
  if (level === "root" && saysMoreThanNames(metadata)) {
    const why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
    errors.push(forbidden(at("metadata"), why));
  }
  return errors;
}

function saysMoreThanNames({ type: _type, default: _default, properties = {}, ...rest }: JsonSchemaProps): boolean {
  const others = Object.keys(properties).filter((name) => name !== "name" && name !== "generateName");
  return others.length > 0 || Object.keys(rest).length > 0;
}
