/**
 * Fields that are not pointers in Go have no difference between absent and zero: "" or 0 there is as good as not
 * written, gets the field's default and is not stored. Source: Kubernetes API conventions, "Optional vs. Required";
 * the omitempty rule of encoding/json.
 */
import type { JsonValue } from "#base/json.ts";
import type { Field } from "./schema.ts";

/** Says for which values the field is as good as absent; undefined: for none. */
export function zeroCheckOf(field: Field): ((value: JsonValue) => boolean) | undefined {
  if (field.pointer === true || field.required === true) return undefined;
  switch (field.schema.type) {
    case "string":
    case "bytes":
      return (value) => value === "";
    case "boolean":
      return (value) => value === false;
    case "integer":
      return (value) => value === 0;
    case "intOrString":
      return (value) => value === 0 || value === "";
    case "list":
      return (value) => Array.isArray(value) && value.length === 0;
    case "map":
      return isEmptyObject;
    case "number":
    case "time":
    case "quantity":
    case "any":
    case "object":
      return undefined;
    default:
      throw new TypeError(`No such schema: ${JSON.stringify(field.schema satisfies never)}`);
  }
}

function isEmptyObject(value: JsonValue): boolean {
  for (const _ in value as object) return false;
  return true;
}
