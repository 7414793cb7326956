/**
 * Members of JSON objects whose keys come from outside. "constructor" and "__proto__" are keys like any other (a
 * ConfigMap may have both), so reading looks at own members only and writing never reaches the prototype.
 */
import type { JsonObject, JsonValue } from "#base/json.ts";

/** A JSON object that is being built. */
export type MutableObject = Record<string, JsonValue | undefined>;

export function getMember(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function setMember(object: MutableObject, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[key] = value;
  }
}

export function isJsonList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}
