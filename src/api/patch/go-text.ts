/** Values as Go prints them with %v and %T: Kubernetes' messages about patches contain them. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { isJsonList } from "./json-members.ts";

/** `map[image:nginx name:web]`, `[a b]`, `<nil>`. */
export function goText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "<nil>";
  if (isJsonList(value)) return `[${value.map(goText).join(" ")}]`;
  if (!isJsonObject(value)) return String(value);
  const members = Object.keys(value).sort();
  return `map[${members.map((key) => `${key}:${goText(value[key])}`).join(" ")}]`;
}

export function goType(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "<nil>";
  if (isJsonList(value)) return "[]interface {}";
  if (isJsonObject(value)) return "map[string]interface {}";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    default:
      return Number.isInteger(value) ? "int64" : "float64";
  }
}

/** The words of encoding/json for a value in the wrong place: "string", "number", "array". */
export function goJsonKind(value: JsonValue): string {
  if (value === null) return "null";
  if (isJsonList(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}
