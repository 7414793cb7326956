/**
 * How the API server's decoder names types in its errors: "int32", "[]v1.Container". People search for these texts,
 * so they are kept. Source: messages of encoding/json, Go's names for the types of k8s.io/api.
 */
import type { JsonValue } from "#base/json.ts";
import type { Schema } from "./schema.ts";

export function goType(schema: Schema): string {
  switch (schema.type) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "integer":
      return `int${schema.bits}`;
    case "number":
      return "float64";
    case "bytes":
      return "[]uint8";
    case "time":
      return schema.precision === "seconds" ? "v1.Time" : "v1.MicroTime";
    case "quantity":
      return "resource.Quantity";
    case "intOrString":
      return "intstr.IntOrString";
    case "any":
      return "runtime.RawExtension";
    case "list":
      return `[]${goType(schema.item)}`;
    case "map":
      return `map[string]${goType(schema.value)}`;
    case "object":
      return schema.name.split(".").slice(-2).join(".");
    default:
      return unreachable(schema);
  }
}

/** What kind of JSON value it is. */
export function goValue(value: JsonValue): string {
  if (typeof value === "boolean") return "bool";
  if (typeof value !== "object") return typeof value;
  return value === null ? "null" : Array.isArray(value) ? "array" : "object";
}

function unreachable(value: never): never {
  throw new TypeError(`No such schema: ${JSON.stringify(value)}`);
}
