/**
 * Objects inside of custom objects that have apiVersion, kind and metadata of their own
 * (x-kubernetes-embedded-resource). Texts of the API server.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { type FieldError, invalid, required } from "../field-error.ts";
import { objectMeta } from "../meta/object-meta.ts";
import { checkDnsLabel1035 } from "../names.ts";
import { decodeValue } from "../schema/decode.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";
import { validateTemplateMeta } from "../schema/validate-meta.ts";
import { additionalOf, type JsonSchemaProps } from "./json-schema-props.ts";

export type CheckEmbedded = (value: JsonValue, path: FieldPath, errors: FieldError[]) => void;

/** undefined: the schema has no such object below its root. */
export function compileEmbeddedChecks(schema: JsonSchemaProps): CheckEmbedded | undefined {
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  const items = schema.items === undefined ? undefined : compileEmbeddedChecks(schema.items);
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const check = compileEmbeddedChecks(member);
    return check === undefined ? [] : [{ name, check }];
  });
  const additionalSchema = additionalOf(schema);
  const additional = additionalSchema === undefined ? undefined : compileEmbeddedChecks(additionalSchema);
  if (!isEmbedded && items === undefined && members.length === 0 && additional === undefined) return undefined;
  const below = (
    segment: string,
    value: JsonValue | undefined,
    check: CheckEmbedded,
    at: FieldPath,
    errors: FieldError[],
  ) => {
    if (value === undefined) return;
    at.push(segment);
    check(value, at, errors);
    at.pop();
  };
  return (value, path, errors) => {
    if (Array.isArray(value)) {
      if (items === undefined) return;
      const list: readonly JsonValue[] = value;
      for (const [index, item] of list.entries()) below(`[${index}]`, item, items, path, errors);
      return;
    }
    if (!isJsonObject(value)) return;
    if (isEmbedded) checkResource(value, path, errors);
    for (const { name, check } of members) below(`.${name}`, value[name], check, path, errors);
    if (additional === undefined) return;
    for (const name in value) below(`[${name}]`, value[name], additional, path, errors);
  };
}

function checkResource(object: JsonObject, path: FieldPath, errors: FieldError[]): void {
  const at = (name: string): string => formatPath([...path, `.${name}`]);
  for (const name of ["apiVersion", "kind"]) {
    const value = object[name];
    if (value === undefined) errors.push(required(at(name)));
    else if (typeof value !== "string") errors.push(invalid(at(name), value, "must be a string"));
    else if (value === "") errors.push(invalid(at(name), value, "must not be empty"));
  }
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion === "string" && apiVersion.split("/").length > 2) {
    errors.push(invalid(at("apiVersion"), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  }
  if (typeof kind === "string" && kind !== "") {
    const problems = checkDnsLabel1035(kind.toLowerCase());
    if (problems.length > 0) {
      const why = `may have mixed case, but should otherwise match: ${problems.join(",")}`;
      errors.push(invalid(at("kind"), kind, why));
    }
  }
  if (metadata !== undefined) errors.push(...checkMetadata(metadata, at("metadata")));
}

function checkMetadata(metadata: JsonValue, path: string): readonly FieldError[] {
  try {
    const { value } = decodeValue(objectMeta, metadata);
    return validateTemplateMeta(value, path);
  } catch (error) {
    if (isApiError(error, "BadRequest")) return [invalid(path, metadata, error.message)];
    throw error;
  }
}
