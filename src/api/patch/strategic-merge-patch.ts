/**
 * Strategic merge patch: a merge patch that knows the schema, so that lists with a merge key are merged item by item
 * instead of replaced, and that has directives for what a merge cannot say. It is kubectl's default for kinds that
 * are compiled into it. Source: Kubernetes, "Strategic Merge Patch"; error texts of apimachinery's mergepatch.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ObjectSchema, Schema } from "../schema/schema.ts";
import { getMember, isJsonList, type MutableObject, setMember } from "./json-members.ts";
import {
  DELETE_PRIMITIVES,
  directiveList,
  directiveOf,
  ELEMENT_ORDER,
  isDirective,
  RETAIN_KEYS,
  withoutDirectives,
} from "./patch-directives.ts";
import { badPatchError } from "./patch-error.ts";
import { mergeList } from "./strategic-merge-list.ts";

/** Shares with `object` what the patch does not touch. */
export function applyStrategicMergePatch(schema: ObjectSchema, object: JsonObject, patch: JsonObject): JsonObject {
  return mergeObject(schema, object, patch);
}

function mergeObject(schema: Schema | undefined, object: JsonObject, patch: JsonObject): JsonObject {
  switch (directiveOf(patch)) {
    case "delete":
      return {};
    case "replace":
      return replacement(patch);
    case "merge":
      break;
  }
  const merged: MutableObject = { ...object };
  retainKeys(merged, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined || isDirective(key)) continue;
    if (value === null) {
      delete merged[key];
      continue;
    }
    const order = getMember(patch, ELEMENT_ORDER + key);
    mergeMember(merged, key, mergeValue(memberSchema(schema, key), getMember(merged, key), value, order));
  }
  for (const [directive, value] of Object.entries(patch)) {
    if (directive.startsWith(ELEMENT_ORDER)) reorder(schema, merged, patch, directive.slice(ELEMENT_ORDER.length));
    if (directive.startsWith(DELETE_PRIMITIVES)) {
      deletePrimitives(merged, directive.slice(DELETE_PRIMITIVES.length), value);
    }
  }
  return merged;
}

/** `$patch: replace` without the marker. */
function replacement(patch: JsonObject): JsonObject {
  const plain = withoutDirectives(patch);
  return isJsonObject(plain) ? plain : {};
}

function mergeMember(merged: MutableObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) delete merged[key];
  else setMember(merged, key, value);
}

/** undefined: the patch deletes the value. */
function mergeValue(
  schema: Schema | undefined,
  value: JsonValue | undefined,
  patch: JsonValue,
  order: JsonValue | undefined,
): JsonValue | undefined {
  if (isJsonObject(value) && isJsonObject(patch)) return mergeObject(schema, value, patch);
  if (isJsonList(value) && isJsonList(patch)) {
    return mergeList({ schema, list: value, patch, order: orderList(order), mergeItem: mergeObject });
  }
  return withoutDirectives(patch);
}

/** An order without changes: the patch only moves elements. */
function reorder(schema: Schema | undefined, merged: MutableObject, patch: JsonObject, key: string): void {
  const order = orderList(patch[ELEMENT_ORDER + key]);
  const list = getMember(merged, key);
  if (getMember(patch, key) !== undefined || !isJsonList(list)) return;
  mergeMember(
    merged,
    key,
    mergeList({ schema: memberSchema(schema, key), list, patch: [], order, mergeItem: mergeObject }),
  );
}

function orderList(order: JsonValue | undefined): readonly JsonValue[] | undefined {
  return order === undefined ? undefined : directiveList(order, "invalid patch format of setElementOrder list");
}

function deletePrimitives(merged: MutableObject, key: string, value: JsonValue | undefined): void {
  const doomed = new Set(directiveList(value, "invalid patch format of primitive list"));
  const list = getMember(merged, key);
  if (isJsonList(list)) {
    setMember(
      merged,
      key,
      list.filter((item) => !doomed.has(item)),
    );
  }
}

/** Drops the members that `$retainKeys` does not name; the patch may set no others. */
function retainKeys(merged: MutableObject, patch: JsonObject): void {
  const directive = patch[RETAIN_KEYS];
  if (directive === undefined) return;
  const problem = "invalid patch format of retainKeys";
  const retained = new Set<JsonValue>(directiveList(directive, problem));
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !isDirective(key) && !retained.has(key)) throw badPatchError(problem);
  }
  for (const key of Object.keys(merged)) {
    if (!retained.has(key)) delete merged[key];
  }
}

function memberSchema(schema: Schema | undefined, key: string): Schema | undefined {
  if (schema?.type === "map") return schema.value;
  if (schema?.type !== "object" || !Object.hasOwn(schema.fields, key)) return undefined;
  return schema.fields[key]?.schema;
}
