/** Patches, as the memory client applies them: to the object as it is, without any rules of its kind. */
import { ApiError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { applyJsonPatch } from "#api/patch/json-patch.ts";
import { applyMergePatch } from "#api/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#api/patch/strategic-merge-patch.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { PatchType } from "../api-client.ts";

/** Server-side apply is not for the memory client: it answers 415. */
export function applyPatch(
  kind: Kind,
  current: KubeObject,
  { type, body }: { readonly type: PatchType; readonly body: JsonValue },
): KubeObject {
  // Objects of the API hold JSON alone.
  const json = current as unknown as JsonObject;
  const patched = patch(kind, json, type, body);
  // The patches keep what they do not name, and metadata cannot be removed by one that changes an object.
  return patched as unknown as KubeObject;
}

function patch(kind: Kind, current: JsonObject, type: PatchType, body: JsonValue): JsonValue {
  switch (type) {
    case "json":
      return applyJsonPatch(current, body);
    case "merge":
      return applyMergePatch(current, body);
    case "strategic":
      return applyStrategicMergePatch(kind.schema, current, isJsonObject(body) ? body : {});
    case "apply":
      throw new ApiError({ code: 415, reason: "UnsupportedMediaType", message: "memory client: no server-side apply" });
    default:
      return type satisfies never;
  }
}
