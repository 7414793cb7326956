/** The checks of strings and numbers: lengths, patterns, formats, ranges. */
import { type FieldError, invalid, tooLong, typeInvalid } from "../field-error.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";
import { goRegularExpression } from "./go-regular-expression.ts";
import { inBody, invalidInBody, NO_FIELD, type ValidateJson } from "./json-findings.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";
import { findStringFormat } from "./string-formats.ts";
import { typesOf } from "./validate-type.ts";

export function compileString(schema: JsonSchemaProps): ValidateJson | undefined {
  const { maxLength, minLength, pattern, format = "", type = "" } = schema;
  const expression = pattern === undefined || pattern === "" ? undefined : goRegularExpression(pattern);
  const isFormat = type === "string" || type === "" ? findStringFormat(format) : undefined;
  if (maxLength === undefined && minLength === undefined && expression === undefined && isFormat === undefined) {
    return undefined;
  }
  const shapeProblem = (text: string, path: FieldPath): FieldError | undefined => {
    // Characters are counted only where their number can matter.
    if (maxLength !== undefined && text.length > maxLength && characters(text) > maxLength) {
      return tooLong(formatPath(path), maxLength);
    }
    if (minLength !== undefined && (text.length < minLength || characters(text) < minLength)) {
      return invalidInBody(path, text, `should be at least ${minLength} chars long`);
    }
    return expression === undefined || expression.test(text)
      ? undefined
      : invalidInBody(path, text, `should match '${pattern}'`);
  };
  return (value, path, { errors }) => {
    if (typeof value !== "string") return;
    const problem = shapeProblem(value, path);
    if (problem !== undefined) errors.push(problem);
    if (isFormat === undefined || isFormat(value)) return;
    const text = inBody(path, `must be of type ${format}: ${JSON.stringify(value)}`);
    errors.push(typeInvalid(formatPath(path), value, text));
  };
}

/** As Go counts: a character outside the basic plane is one. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const INT32_MAX = 2 ** 31 - 1;

export function compileNumber(schema: JsonSchemaProps): ValidateJson | undefined {
  const { multipleOf, minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false } = schema;
  const [onlyType] = typesOf(schema);
  const isInt32 = onlyType === "integer" && schema.type === "integer" && schema.format === "int32";
  if (multipleOf === undefined && minimum === undefined && maximum === undefined && !isInt32) return undefined;
  return (value, path, { errors }) => {
    if (typeof value !== "number") return;
    if (isInt32 && (value > INT32_MAX || value < -INT32_MAX - 1)) {
      const where = formatPath(path);
      errors.push(invalid(NO_FIELD, "", `Checked value must be of type integer with format int32 in ${where}`));
    }
    if (multipleOf !== undefined && !isMultiple(value, multipleOf)) {
      errors.push(invalidInBody(path, value, `should be a multiple of ${multipleOf}`));
    }
    if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
      const bound = exclusiveMinimum ? "greater than" : "greater than or equal to";
      errors.push(invalidInBody(path, value, `should be ${bound} ${minimum}`));
    }
    if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
      const bound = exclusiveMaximum ? "less than" : "less than or equal to";
      errors.push(invalidInBody(path, value, `should be ${bound} ${maximum}`));
    }
  };
}

/** With room for what fractions lose: 0.3 is a multiple of 0.1. */
function isMultiple(value: number, factor: number): boolean {
  if (factor <= 0) return true;
  const times = value / factor;
  return Number.isInteger(times) || Math.abs(times - Math.round(times)) < 1e-9;
}
