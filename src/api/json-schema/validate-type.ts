/** Whether a value has the type of its schema, and is one of the values that it allows. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { notSupported, typeInvalid } from "../field-error.ts";
import { formatPath } from "../schema/field-path.ts";
import { jsonEqual } from "../schema/json-equal.ts";
import { inBody, type ValidateJson } from "./json-findings.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

type JsonType = "string" | "integer" | "number" | "boolean" | "array" | "object" | "null";

export function jsonType(value: JsonValue): JsonType {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (isJsonObject(value)) return "object";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value === "string" ? "string" : "boolean";
}

/** How the API server names the formats of values that it has read. */
const READ_FORMATS: Readonly<Partial<Record<JsonType, string>>> = { integer: "int64", number: "float64" };
const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ["int32", "int64"],
  number: ["float", "double"],
};

/** undefined: any type is right. */
export function compileType(schema: JsonSchemaProps): ValidateJson | undefined {
  const types = typesOf(schema);
  const [only = ""] = types;
  const isNullable = schema.nullable === true;
  if (types.length === 0) return undefined;
  const numberFormat = NUMBER_FORMATS[only]?.find((format) => types.length === 1 && format === schema.format);
  return (value, path, { errors }) => {
    const type = jsonType(value);
    if (types.includes(type) || (type === "integer" && types.includes("number"))) return;
    if (type === "null" && isNullable) return;
    const isNumberFormat = numberFormat !== undefined && type !== "string" && type !== "array" && type !== "null";
    const expected = isNumberFormat ? numberFormat : types.join(",");
    const shown = isNumberFormat ? (READ_FORMATS[type] ?? "") : type;
    const problem = inBody(path, `must be of type ${expected}: ${JSON.stringify(shown)}`);
    errors.push(typeInvalid(formatPath(path), shown, problem));
  };
}

export function typesOf(schema: JsonSchemaProps): readonly string[] {
  if (schema["x-kubernetes-int-or-string"] === true) return ["integer", "string"];
  return schema.type === undefined || schema.type === "" ? [] : [schema.type];
}

export function compileEnum({ enum: values = [] }: JsonSchemaProps): ValidateJson | undefined {
  if (values.length === 0) return undefined;
  const scalars = new Set<JsonValue>(values.filter((value) => typeof value !== "object"));
  const others = values.filter((value) => typeof value === "object");
  const shown = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  return (value, path, { errors }) => {
    if (scalars.has(value) || others.some((other) => jsonEqual(other, value))) return;
    errors.push(notSupported(formatPath(path), value, shown));
  };
}
