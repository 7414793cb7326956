/** Sets members of objects that are being built from foreign keys. */
import type { JsonValue } from "#base/json.ts";

export type MutableJsonObject = Record<string, JsonValue>;

/** `target[key] = value`, also for the key "__proto__", which must become a member like any other. */
export function setMember(target: MutableJsonObject, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, configurable: true, enumerable: true, writable: true });
  } else {
    target[key] = value;
  }
}
