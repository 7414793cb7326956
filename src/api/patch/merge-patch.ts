/** JSON merge patch: members replace members, null removes, everything else is replaced. Source: RFC 7386. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { getMember, type MutableObject, setMember } from "./json-members.ts";
import { badPatchError } from "./patch-error.ts";

/** Shares with `object` what the patch does not touch. The RFC allows any patch; an API object takes only objects. */
export function applyMergePatch(object: JsonValue, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) throw badPatchError("Invalid JSON Patch");
  return mergeObject(isJsonObject(object) ? object : {}, patch);
}

function mergeObject(object: JsonObject, patch: JsonObject): JsonObject {
  const merged: MutableObject = { ...object };
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) {
      delete merged[key];
    } else if (isJsonObject(value)) {
      const current = getMember(object, key);
      setMember(merged, key, mergeObject(isJsonObject(current) ? current : {}, value));
    } else {
      setMember(merged, key, value);
    }
  }
  return merged;
}
