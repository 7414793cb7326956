/** What a check of a JSON value finds, and the words that all checks share. */
import type { JsonValue } from "#base/json.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";

/** What is found; `matches` counts the checks that went well, to tell which of several schemas is nearest. */
export interface Found {
  readonly errors: FieldError[];
  matches: number;
}

export type ValidateJson = (value: JsonValue, path: FieldPath, found: Found) => void;

/** Errors that have no field; the API server prints them so. */
export const NO_FIELD = "<nil>";

/** `spec.replicas in body should be …`: how texts name the field that they are about. */
export function inBody(path: readonly string[], problem: string): string {
  return `${formatPath(path)} in body ${problem}`;
}

export function invalidInBody(path: readonly string[], value: unknown, problem: string): FieldError {
  return invalid(formatPath(path), value, inBody(path, problem));
}
