/**
 * The members of a strategic merge patch that are no fields but say how to merge.
 * Source: Kubernetes, "Strategic Merge Patch" (sig-api-machinery contributor documents).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { goText } from "./go-text.ts";
import { isJsonList, type MutableObject, setMember } from "./json-members.ts";
import { badPatchError } from "./patch-error.ts";

const PATCH = "$patch";
export const RETAIN_KEYS = "$retainKeys";
export const ELEMENT_ORDER = "$setElementOrder/";
export const DELETE_PRIMITIVES = "$deleteFromPrimitiveList/";

export type Directive = "merge" | "replace" | "delete";

export function isDirective(key: string): boolean {
  return (
    key.startsWith("$") &&
    (key === PATCH || key === RETAIN_KEYS || key.startsWith(ELEMENT_ORDER) || key.startsWith(DELETE_PRIMITIVES))
  );
}

/** What `$patch` asks for; merging is what happens without it. */
export function directiveOf(patch: JsonObject): Directive {
  const directive = patch[PATCH];
  switch (directive) {
    case undefined:
      return "merge";
    case "merge":
    case "replace":
    case "delete":
      return directive;
    default:
      throw badPatchError(`unknown patch type: ${goText(directive)} in map: ${goText(patch)}`);
  }
}

export function hasDirective(patch: JsonObject): boolean {
  return patch[PATCH] !== undefined;
}

/**
 * What a patch leaves where there was nothing: no directives and no nulls at any depth. undefined when it deletes.
 */
export function withoutDirectives(patch: JsonValue): JsonValue | undefined {
  if (isJsonList(patch)) {
    // An element with a directive is no element.
    return patch.flatMap((item) => (isJsonObject(item) && hasDirective(item) ? [] : (withoutDirectives(item) ?? [])));
  }
  if (!isJsonObject(patch)) return patch;
  if (directiveOf(patch) === "delete") return undefined;
  const plain: MutableObject = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || value === null || isDirective(key)) continue;
    const rest = withoutDirectives(value);
    if (rest !== undefined) setMember(plain, key, rest);
  }
  return plain;
}

/** The list of a directive; anything else is an error with this text. */
export function directiveList(value: JsonValue | undefined, problem: string): readonly JsonValue[] {
  if (!isJsonList(value)) throw badPatchError(problem);
  return value;
}
