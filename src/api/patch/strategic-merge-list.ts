/**
 * Lists in strategic merge patches: merged by the schema's patch key or, for scalars, by value; other lists are
 * replaced. The order follows `$setElementOrder` when it is there, else the patch.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema, Schema } from "../schema/schema.ts";
import { orderElements } from "./element-order.ts";
import { goText } from "./go-text.ts";
import { getMember } from "./json-members.ts";
import { directiveOf, hasDirective, withoutDirectives } from "./patch-directives.ts";
import { badPatchError } from "./patch-error.ts";

export interface ListPatch {
  readonly schema: Schema | undefined;
  readonly list: readonly JsonValue[];
  readonly patch: readonly JsonValue[];
  /** The list of `$setElementOrder`. */
  readonly order: readonly JsonValue[] | undefined;
  mergeItem(schema: Schema | undefined, item: JsonObject, patch: JsonObject): JsonObject;
}

export function mergeList(merge: ListPatch): JsonValue | undefined {
  const { schema, patch } = merge;
  if (schema?.type === "list") {
    if (schema.merge.kind === "set" && schema.merge.patchMerge) return mergeScalars(merge);
    if (schema.merge.kind === "map" && schema.merge.patchKey !== undefined) {
      return mergeByKey(merge, schema, schema.merge.patchKey);
    }
  }
  // An order alone changes nothing in a list that does not merge.
  return patch.length === 0 && merge.order !== undefined ? merge.list : withoutDirectives(patch);
}

function mergeScalars({ list, patch, order }: ListPatch): readonly JsonValue[] {
  const merged = [...new Set([...list, ...patch])];
  if (order !== undefined) checkOrder(patch, order, patch, order);
  return orderElements(merged, { wanted: order ?? patch, live: list }, (item) => item);
}

function mergeByKey(merge: ListPatch, schema: ListSchema, key: string): readonly JsonValue[] {
  const { patch, order } = merge;
  const changes = sortOut(patch, key);
  // As it stands: nothing is merged, so a key may be there twice, such as the type of a node's addresses.
  if (changes.isReplaced && order === undefined) return changes.merged;
  const live = changes.isReplaced ? [] : merge.list.filter((item) => !changes.deleted.has(mergeKeyOf(item, key)));
  const merged = new Map<JsonValue, JsonValue[]>();
  // Objects may hold a key twice; only the first of them is merged.
  for (const item of live) append(merged, mergeKeyOf(item, key), item);
  for (const change of changes.merged) {
    const identity = mergeKeyOf(change, key);
    const items = merged.get(identity);
    const [current] = items ?? [];
    if (items !== undefined && isJsonObject(current)) {
      items[0] = merge.mergeItem(schema.item, current, change);
    } else {
      append(merged, identity, withoutDirectives(change) ?? {});
    }
  }
  const wantedItems = order ?? changes.merged;
  const wanted = wantedItems.map((item) => mergeKeyOf(item, key));
  if (order !== undefined)
    checkOrder(
      changes.merged.map((item) => mergeKeyOf(item, key)),
      wanted,
      patch,
      order,
    );
  return orderElements(
    [...merged.values()].flat(),
    { wanted, live: live.map((item) => mergeKeyOf(item, key)) },
    (item) => mergeKeyOf(item, key),
  );
}

interface Changes {
  readonly merged: readonly JsonObject[];
  readonly deleted: ReadonlySet<JsonValue>;
  /** A `$patch: replace` among the elements: the other elements are the whole list. */
  readonly isReplaced: boolean;
}

function sortOut(patch: readonly JsonValue[], key: string): Changes {
  const merged: JsonObject[] = [];
  const deleted = new Set<JsonValue>();
  let isReplaced = false;
  for (const item of patch) {
    if (!isJsonObject(item)) throw badPatchError("strategic merge patch format is not supported");
    if (!hasDirective(item)) {
      mergeKeyOf(item, key);
      merged.push(item);
      continue;
    }
    switch (directiveOf(item)) {
      case "delete":
        deleted.add(mergeKeyOf(item, key));
        break;
      case "replace":
        isReplaced = true;
        break;
      case "merge":
        throw badPatchError("merging lists cannot yet be specified in the patch");
    }
  }
  return { merged, deleted, isReplaced };
}

function mergeKeyOf(item: JsonValue, key: string): JsonValue {
  const value = isJsonObject(item) ? getMember(item, key) : undefined;
  if (value === undefined) throw badPatchError(`map: ${goText(item)} does not contain declared merge key: ${key}`);
  return value;
}

/** What the patch names must be in the order, and in the same order. */
function checkOrder(
  named: readonly JsonValue[],
  wanted: readonly JsonValue[],
  patch: readonly JsonValue[],
  order: readonly JsonValue[],
): void {
  let next = 0;
  for (const identity of wanted) {
    if (next < named.length && named[next] === identity) next += 1;
  }
  if (next < named.length && wanted.length > 0) {
    throw badPatchError(
      `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`,
    );
  }
}

function append(map: Map<JsonValue, JsonValue[]>, key: JsonValue, item: JsonValue): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}
