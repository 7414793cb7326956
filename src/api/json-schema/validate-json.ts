/**
 * Checks a JSON value against the schema of a CustomResourceDefinition. Compiled once for each schema. The checks,
 * their order and their texts are those of the API server's validator, which people search for.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (validation);
 * messages of kube-openapi's validation.
 */
import type { JsonValue } from "#base/json.ts";
import type { FieldError } from "../field-error.ts";
import { compileJunctors } from "./compile-junctors.ts";
import type { Found, ValidateJson } from "./json-findings.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";
import { compileItems, compileMembers } from "./validate-container.ts";
import { compileNumber, compileString } from "./validate-scalar.ts";
import { compileEnum, compileType } from "./validate-type.ts";

export function compileValidator(schema: JsonSchemaProps): ValidateJson {
  const parts = [
    compileType(schema),
    compileJunctors(schema, compileValidator),
    compileString(schema),
    compileNumber(schema),
    compileItems(schema, compileValidator),
    compileEnum(schema),
    compileMembers(schema, compileValidator),
  ].filter((part) => part !== undefined);
  return (value, path, found) => {
    for (const part of parts) {
      const before = found.errors.length;
      part(value, path, found);
      if (found.errors.length === before) found.matches += 1;
    }
  };
}

/** Every problem of the value. */
export function validateJson(validate: ValidateJson, value: JsonValue): readonly FieldError[] {
  const found: Found = { errors: [], matches: 0 };
  validate(value, [], found);
  return found.errors;
}
