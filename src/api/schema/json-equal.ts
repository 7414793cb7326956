/** Whether two JSON values say the same; the order of members does not count, an undefined member is an absent one. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";

export function jsonEqual(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isJsonObject(a)) return isJsonObject(b) && membersEqual(a, b);
  return !isJsonObject(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
}

function membersEqual(a: JsonObject, b: JsonObject): boolean {
  let members = 0;
  for (const name in a) {
    const member = a[name];
    if (member === undefined) continue;
    members++;
    // Own members only: "constructor" is a possible key.
    if (!Object.hasOwn(b, name) || !jsonEqual(member, b[name])) return false;
  }
  for (const name in b) if (b[name] !== undefined) members--;
  return members === 0;
}
