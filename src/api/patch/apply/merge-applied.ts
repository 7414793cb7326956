/** The live value with what a configuration says: scalars and atomic values are replaced, all others are merged. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema, Schema } from "../../schema/schema.ts";
import { getMember, isJsonList, type MutableObject, setMember } from "../json-members.ts";
import { isAtomic, memberSchema } from "./child-schema.ts";
import { itemStep } from "./path-element.ts";

/** Shares with `live` what the configuration does not name. A null in it takes the member away. */
export function mergeApplied(schema: Schema | undefined, live: JsonValue | undefined, applied: JsonValue): JsonValue {
  if (isAtomic(schema)) return applied;
  if (isJsonObject(applied)) return mergeMembers(schema, isJsonObject(live) ? live : {}, applied);
  if (isJsonList(applied) && schema?.type === "list") return mergeItems(schema, isJsonList(live) ? live : [], applied);
  return applied;
}

function mergeMembers(schema: Schema | undefined, live: JsonObject, applied: JsonObject): JsonObject {
  const merged: MutableObject = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    if (value === undefined) continue;
    if (value === null) delete merged[name];
    else setMember(merged, name, mergeApplied(memberSchema(schema, name), getMember(live, name), value));
  }
  return merged;
}

/**
 * Items of the configuration keep its order; the others stay where they were in between. An item that both have
 * moves when the configuration orders them differently.
 */
function mergeItems(list: ListSchema, live: readonly JsonValue[], applied: readonly JsonValue[]): readonly JsonValue[] {
  const places = new Map(applied.map((item, place) => [itemStep(list, item), place]));
  const current = new Map<string | undefined, JsonValue | undefined>();
  for (const item of live) {
    const step = itemStep(list, item);
    // A key that is there twice says nothing about which of the items is meant: the configuration's replaces both.
    current.set(step, current.has(step) ? undefined : item);
  }
  const shared = [...places].filter(([step]) => current.has(step)).map(([, place]) => place);

  const merged: JsonValue[] = [];
  let nextPlace = 0;
  const takeUntil = (end: number) => {
    for (const item of applied.slice(nextPlace, end)) {
      merged.push(mergeApplied(list.item, current.get(itemStep(list, item)), item));
    }
    nextPlace = end;
  };
  for (const item of live) {
    const place = places.get(itemStep(list, item));
    if (place === undefined) merged.push(item);
    else if (place === shared[0]) {
      shared.shift();
      takeUntil(place + 1);
    }
  }
  takeUntil(applied.length);
  return merged;
}
