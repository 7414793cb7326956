/**
 * What differs between two versions of a value, as sets of fields. Parts that are the same object are not looked at,
 * and no step is written out before a difference is found: this runs on every write.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import type { ListSchema, Schema } from "../../schema/schema.ts";
import { getMember, isJsonList } from "../json-members.ts";
import { isAtomic, memberSchema } from "./child-schema.ts";
import { FIELD, type FieldSet, type MutableNode, nodeOf, union } from "./field-set.ts";
import { fieldsOf, fieldsOfMember } from "./fields-of.ts";
import { isSameItem, itemStep, memberStep } from "./path-element.ts";

export interface FieldChanges {
  /** Added, or there before with another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

const CHANGED: FieldChanges = { changed: FIELD, removed: undefined };

/** undefined: they are the same. Null is as absent as undefined. */
export function compareFields(schema: Schema | undefined, old: JsonValue, next: JsonValue): FieldChanges | undefined {
  if (old === next) return undefined;
  if (isAtomic(schema)) return isSameLeaf(schema, old, next) ? undefined : CHANGED;
  if (isJsonObject(old) && isJsonObject(next)) return compareMembers(schema, old, next);
  if (schema?.type === "list" && isJsonList(old) && isJsonList(next)) return compareItems(schema, old, next);
  if (jsonEqual(old, next)) return undefined;
  if (isContainer(old) === isContainer(next)) return CHANGED;
  // Only undeclared values change their type.
  return { changed: fieldsOf(schema, next, "added", true), removed: fieldsOf(schema, old, "all", false) };
}

/** Amounts may come as numbers: 1 is "1". */
function isSameLeaf(schema: Schema | undefined, old: JsonValue, next: JsonValue): boolean {
  return jsonEqual(old, next) || (schema?.type === "quantity" && String(old) === String(next));
}

function isContainer(value: JsonValue): boolean {
  return isJsonObject(value);
}

/** Both sets while they are being collected. */
interface Collected {
  changed: MutableNode | undefined;
  removed: MutableNode | undefined;
}

function compareMembers(schema: Schema | undefined, old: JsonObject, next: JsonObject): FieldChanges | undefined {
  const found: Collected = { changed: undefined, removed: undefined };
  for (const name in next) {
    const after = next[name];
    const before = getMember(old, name);
    if (after !== before) compareMember(found, schema, name, before, after);
  }
  for (const name in old) {
    if (!Object.hasOwn(next, name)) compareMember(found, schema, name, old[name], undefined);
  }
  return changesOf(found);
}

function compareMember(
  found: Collected,
  schema: Schema | undefined,
  name: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): void {
  const hadValue = before !== undefined && before !== null;
  const hasValue = after !== undefined && after !== null;
  if (hadValue && hasValue) {
    collect(found, memberStep(name), compareFields(memberSchema(schema, name), before, after));
  } else if (hasValue) {
    collect(found, memberStep(name), { changed: fieldsOfMember(schema, name, after, "added"), removed: undefined });
  } else if (hadValue) {
    collect(found, memberStep(name), { changed: undefined, removed: fieldsOfMember(schema, name, before, "all") });
  }
}

function collect(found: Collected, step: string, changes: FieldChanges | undefined): void {
  if (changes === undefined) return;
  if (changes.changed !== undefined) found.changed = put(found.changed, step, changes.changed);
  if (changes.removed !== undefined) found.removed = put(found.removed, step, changes.removed);
}

function put(node: MutableNode | undefined, step: string, fields: FieldSet): MutableNode {
  const target = node ?? {};
  const both = union(target[step], fields);
  if (both !== undefined) target[step] = both;
  return target;
}

function changesOf({ changed, removed }: Collected): FieldChanges | undefined {
  if (changed === undefined && removed === undefined) return undefined;
  return {
    changed: changed === undefined ? undefined : nodeOf(changed, false),
    removed: removed === undefined ? undefined : nodeOf(removed, false),
  };
}

function compareItems(
  list: ListSchema,
  old: readonly JsonValue[],
  next: readonly JsonValue[],
): FieldChanges | undefined {
  const found: Collected = { changed: undefined, removed: undefined };
  const aligned = alignedLength(list, old, next);
  for (let index = 0; index < aligned; index += 1) {
    const [before, after] = [old[index], next[index]];
    if (before === undefined || after === undefined || before === after) continue;
    const changes = compareFields(list.item, before, after);
    const step = changes === undefined ? undefined : itemStep(list, after);
    if (step !== undefined) collect(found, step, changes);
  }
  if (aligned < old.length || aligned < next.length) {
    compareBySteps(found, list, old.slice(aligned), next.slice(aligned));
  }
  return changesOf(found);
}

/** How far both lists have the same items at the same places, which is nearly always the whole length. */
function alignedLength(list: ListSchema, old: readonly JsonValue[], next: readonly JsonValue[]): number {
  const length = Math.min(old.length, next.length);
  for (let index = 0; index < length; index += 1) {
    const [before, after] = [old[index], next[index]];
    if (before === undefined || after === undefined || !isSameItem(list, before, after)) return index;
  }
  return length;
}

function compareBySteps(
  found: Collected,
  list: ListSchema,
  old: readonly JsonValue[],
  next: readonly JsonValue[],
): void {
  const before = itemsByStep(list, old);
  const after = itemsByStep(list, next);
  for (const [step, items] of after) {
    const earlier = before.get(step);
    const [item, ...further] = items;
    const [earlierItem, ...earlierFurther] = earlier ?? [];
    if (item === undefined) continue;
    if (earlierItem === undefined) {
      collect(found, step, { changed: fieldsOf(list.item, item, "added", true), removed: undefined });
    } else if (further.length > 0 || earlierFurther.length > 0) {
      // The same key twice: the items are one field together.
      if (!jsonEqual(items, earlier)) collect(found, step, CHANGED);
    } else {
      collect(found, step, compareFields(list.item, earlierItem, item));
    }
  }
  for (const [step, [item]] of before) {
    if (item === undefined || after.has(step)) continue;
    collect(found, step, { changed: undefined, removed: fieldsOf(list.item, item, "all", true) });
  }
}

function itemsByStep(list: ListSchema, items: readonly JsonValue[]): ReadonlyMap<string, readonly JsonValue[]> {
  const map = new Map<string, JsonValue[]>();
  for (const item of items) {
    const step = itemStep(list, item);
    const known = step === undefined ? undefined : map.get(step);
    if (known !== undefined) known.push(item);
    else if (step !== undefined) map.set(step, [item]);
  }
  return map;
}
