/**
 * Which JSON schemas a CustomResourceDefinition may have, at each place of the schema. Texts of the API server.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (validation).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import {
  childPath,
  type FieldError,
  forbidden,
  indexPath,
  invalid,
  keyPath,
  notSupported,
  required,
} from "../field-error.ts";
import { decodeValue } from "../schema/decode.ts";
import { checkListType } from "./check-list-type.ts";
import { checkRules } from "./check-rules.ts";
import { type JsonSchemaProps, jsonSchemaProps, META_FIELDS } from "./json-schema-props.ts";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] as const;

/** What holds because of what is around. */
interface Surroundings {
  readonly isRoot: boolean;
  /** In apiVersion, kind or metadata. */
  readonly isInMeta: boolean;
  /** Why there may be no default here. */
  readonly noDefault: string | undefined;
}

export function checkJsonSchema(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  return check(schema, path, { isRoot: true, isInMeta: false, noDefault: undefined });
}

function check(schema: JsonSchemaProps, path: string, around: Surroundings): readonly FieldError[] {
  const inner = { ...around, isRoot: false };
  const { not, allOf = [], oneOf = [], anyOf = [], items } = schema;
  return [
    ...checkMembers(schema, path, around),
    ...checkAdditional(schema, path, inner),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
      check(member, keyPath(childPath(path, "properties"), name), aroundProperty(schema, name, around)),
    ),
    ...(not === undefined ? [] : check(not, childPath(path, "not"), inner)),
    ...checkEach(allOf, childPath(path, "allOf"), inner),
    ...checkEach(oneOf, childPath(path, "oneOf"), inner),
    ...checkEach(anyOf, childPath(path, "anyOf"), inner),
    ...(items === undefined ? [] : check(items, childPath(path, "items"), inner)),
    ...checkExtensions(schema, path),
    ...checkListType(schema, path),
    ...checkRules(schema, path),
  ];
}

function checkEach(schemas: readonly JsonSchemaProps[], path: string, around: Surroundings): readonly FieldError[] {
  return schemas.flatMap((schema, index) => check(schema, indexPath(path, index), around));
}

function aroundProperty(schema: JsonSchemaProps, name: string, around: Surroundings): Surroundings {
  const isMeta = META_FIELDS.has(name) && (around.isRoot || schema["x-kubernetes-embedded-resource"] === true);
  return {
    isRoot: false,
    isInMeta: around.isInMeta || isMeta,
    noDefault: isMeta && around.isRoot ? `in top-level ${name}` : around.noDefault,
  };
}

function checkMembers(schema: JsonSchemaProps, path: string, around: Surroundings): readonly FieldError[] {
  const { type = "", default: byDefault, uniqueItems } = schema;
  const unsupported = UNSUPPORTED.filter((name) => isSet(schema[name]));
  return [
    ...(type !== "" && !TYPES.includes(type) ? [notSupported(childPath(path, "type"), type, TYPES)] : []),
    ...(byDefault !== undefined && around.noDefault !== undefined
      ? [forbidden(childPath(path, "default"), `must not be set ${around.noDefault}`)]
      : []),
    ...unsupported.map((name) => forbidden(childPath(path, name), `${name} is not supported`)),
    ...(type === "null"
      ? [forbidden(childPath(path, "type"), "type cannot be set to null, use nullable as an alternative")]
      : []),
    ...(around.isInMeta && schema["x-kubernetes-embedded-resource"] === true
      ? [forbidden(childPath(path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta")]
      : []),
    ...(uniqueItems === true
      ? [
          forbidden(
            childPath(path, "uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
          ),
        ]
      : []),
  ];
}

function isSet(value: JsonValue | undefined): boolean {
  if (value === undefined || value === "") return false;
  return !isJsonObject(value) || Object.keys(value).length > 0;
}

function checkAdditional(schema: JsonSchemaProps, path: string, around: Surroundings): readonly FieldError[] {
  const { additionalProperties: additional, properties = {} } = schema;
  if (additional === undefined) return [];
  const where = childPath(path, "additionalProperties");
  if (typeof additional === "boolean") return additional ? [] : exclusive(properties, where);
  if (!isJsonObject(additional)) return [invalid(where, additional, "must be a boolean or a schema")];
  const decoded = decodeAdditional(additional, where);
  if ("field" in decoded) return [decoded];
  const noDefault = around.isInMeta ? "inside additionalProperties applying to object metadata" : around.noDefault;
  return [...exclusive(properties, where), ...check(decoded.schema, where, { ...around, noDefault })];
}

function exclusive(properties: object, where: string): readonly FieldError[] {
  if (Object.keys(properties).length === 0) return [];
  return [forbidden(where, "additionalProperties and properties are mutual exclusive")];
}

/** It may be a boolean, too, so that it is decoded only here. */
function decodeAdditional(value: JsonObject, where: string): { readonly schema: JsonSchemaProps } | FieldError {
  try {
    const { value: schema, strictErrors } = decodeValue(jsonSchemaProps, value);
    const [problem] = strictErrors;
    return problem === undefined ? { schema } : invalid(where, value, problem);
  } catch (error) {
    if (isApiError(error, "BadRequest")) return invalid(where, value, error.message);
    throw error;
  }
}

function checkExtensions(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  const { type = "", "x-kubernetes-preserve-unknown-fields": keeps, "x-kubernetes-map-type": mapType } = schema;
  const mapTypes = ["atomic", "granular"];
  const mustBeObject = "must be object if x-kubernetes-map-type is specified";
  return [
    ...(keeps === false
      ? [invalid(childPath(path, "x-kubernetes-preserve-unknown-fields"), keeps, "must be true or undefined")]
      : []),
    ...(mapType !== undefined && type !== "object" ? [wrongType(childPath(path, "type"), type, mustBeObject)] : []),
    ...(mapType !== undefined && !mapTypes.includes(mapType)
      ? [notSupported(childPath(path, "x-kubernetes-map-type"), mapType, mapTypes)]
      : []),
  ];
}

function wrongType(path: string, type: string, why: string): FieldError {
  return type === "" ? required(path, why) : invalid(path, type, why);
}
