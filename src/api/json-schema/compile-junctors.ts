/**
 * Schemas that are combined: anyOf, oneOf, allOf and not. Of several that do not hold, the errors of the nearest one
 * are told beside the one that says so.
 */
import type { JsonValue } from "#base/json.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";
import { type Found, NO_FIELD, type ValidateJson } from "./json-findings.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

type Compile = (schema: JsonSchemaProps) => ValidateJson;

export function compileJunctors(schema: JsonSchemaProps, compile: Compile): ValidateJson | undefined {
  const anyOf = (schema.anyOf ?? []).map(compile);
  const oneOf = (schema.oneOf ?? []).map(compile);
  const allOf = (schema.allOf ?? []).map(compile);
  const not = schema.not === undefined ? undefined : compile(schema.not);
  if (anyOf.length + oneOf.length + allOf.length === 0 && not === undefined) return undefined;
  return (value, path, found) => {
    if (anyOf.length > 0) checkAnyOf(anyOf, value, path, found);
    if (oneOf.length > 0) checkOneOf(oneOf, value, path, found);
    if (allOf.length > 0) checkAllOf(allOf, value, path, found);
    if (not !== undefined && tryOne(not, value, path).errors.length === 0) {
      found.errors.push(unfit(path, "must not validate the schema (not)"));
    }
  };
}

function tryOne(validate: ValidateJson, value: JsonValue, path: FieldPath): Found {
  const found: Found = { errors: [], matches: 0 };
  validate(value, path, found);
  return found;
}

function checkAnyOf(schemas: readonly ValidateJson[], value: JsonValue, path: FieldPath, found: Found): void {
  let best: Found | undefined;
  for (const schema of schemas) {
    const result = tryOne(schema, value, path);
    if (result.errors.length === 0) {
      found.matches += result.matches;
      return;
    }
    if (best === undefined || result.matches > best.matches) best = result;
  }
  found.errors.push(unfit(path, "must validate at least one schema (anyOf)"), ...(best?.errors ?? []));
}

function checkOneOf(schemas: readonly ValidateJson[], value: JsonValue, path: FieldPath, found: Found): void {
  const results = schemas.map((schema) => tryOne(schema, value, path));
  const valid = results.filter(({ errors }) => errors.length === 0);
  const [first] = valid;
  if (valid.length === 1 && first !== undefined) {
    found.matches += first.matches;
    return;
  }
  const count = valid.length === 0 ? "Found none valid" : `Found ${valid.length} valid alternatives`;
  found.errors.push(unfit(path, `must validate one and only one schema (oneOf). ${count}`));
  if (valid.length > 0) return;
  const nearest = results.reduce((best, result) => (result.matches > best.matches ? result : best));
  found.errors.push(...nearest.errors);
}

function checkAllOf(schemas: readonly ValidateJson[], value: JsonValue, path: FieldPath, found: Found): void {
  const results = schemas.map((schema) => tryOne(schema, value, path));
  const invalidOnes = results.filter(({ errors }) => errors.length > 0);
  for (const { errors, matches } of results) {
    found.errors.push(...errors);
    found.matches += matches;
  }
  if (invalidOnes.length === 0) return;
  const none = invalidOnes.length === schemas.length ? ". None validated" : "";
  found.errors.push(unfit(path, `must validate all the schemas (allOf)${none}`));
}

function unfit(path: FieldPath, problem: string): FieldError {
  return invalid(NO_FIELD, "", `${JSON.stringify(formatPath(path))} ${problem}`);
}
