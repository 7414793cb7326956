/** The tracked fields that differ between two versions of an object. */
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Kind, KubeObject } from "../../kind.ts";
import { getMember, type MutableObject } from "../json-members.ts";
import { compareFields, type FieldChanges } from "./compare-fields.ts";
import { isTrackedMember, trackedMetadata } from "./tracked-fields.ts";

/** `KubeObject` is JSON by construction: it was decoded from it. */
export function jsonOf(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

/** undefined: nothing differs. `old` is {} on create. */
export function compareObjects(
  kind: Kind,
  old: JsonObject,
  next: JsonObject,
  subresource: string,
): FieldChanges | undefined {
  const before: MutableObject = {};
  const after: MutableObject = {};
  for (const name of Object.keys({ ...old, ...next })) {
    if (!isTrackedMember(kind, subresource, name)) continue;
    const [oldMember, nextMember] = [getMember(old, name), getMember(next, name)];
    if (oldMember === nextMember) continue;
    if (name === "metadata") {
      // Nearly every write changes metadata, by what the server keeps there.
      before[name] = trackedMetadata(isJsonObject(oldMember) ? oldMember : {});
      after[name] = trackedMetadata(isJsonObject(nextMember) ? nextMember : {});
      continue;
    }
    if (oldMember !== undefined) before[name] = oldMember;
    if (nextMember !== undefined) after[name] = nextMember;
  }
  return compareFields(kind.schema, before, after);
}
