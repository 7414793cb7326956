/** Takes fields out of a value, whose absence is what their last owner asks for. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema, Schema } from "../../schema/schema.ts";
import { isJsonList, type MutableObject, setMember } from "../json-members.ts";
import { isAtomic, isDeclared, memberSchema, stepSchema } from "./child-schema.ts";
import {
  below,
  difference,
  FIELD,
  type FieldNode,
  type FieldSet,
  intersection,
  isField,
  type MutableNode,
  union,
} from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { itemStep, memberOfStep, memberStep, SELF } from "./path-element.ts";

export interface Removal {
  /** What the same manager owned before. */
  readonly last: FieldSet;
  /** What anybody owns now, the new configuration included. */
  readonly owned: FieldSet;
}

/**
 * The value without the fields of `last` that nobody owns any more. A declared member goes as a whole, with the
 * defaults in it, when nobody owns anything below it; an item goes when nobody owns the item itself.
 */
export function removeAbandoned(schema: Schema, value: JsonObject, { last, owned }: Removal): JsonObject {
  const abandoned = difference(withDeclared(schema, last), withDeclared(schema, owned));
  if (abandoned === undefined) return value;
  const present = withDeclared(schema, fieldsOf(schema, value, "applied", false));
  const doomed = intersection(abandoned, present);
  if (doomed === undefined) return value;
  const rest = removeFields(schema, value, doomed, owned);
  return isJsonObject(rest) ? rest : {};
}

/** The set, and the declared members on the way to its fields. */
function withDeclared(schema: Schema | undefined, set: FieldSet): FieldSet {
  if (set === undefined) return undefined;
  const full: MutableNode = {};
  for (const [step, node] of Object.entries(set)) {
    const name = memberOfStep(step);
    const rest = step === SELF ? node : withDeclared(stepSchema(schema, step), node);
    const both = name !== undefined && isDeclared(schema, name) ? union(rest, FIELD) : rest;
    if (both !== undefined) full[step] = both;
  }
  return full;
}

/** undefined: nothing is left of it. */
function removeFields(
  schema: Schema | undefined,
  value: JsonValue,
  doomed: FieldNode,
  owned: FieldSet,
): JsonValue | undefined {
  if (isAtomic(schema)) return value;
  if (isJsonObject(value)) return removeMembers(schema, value, doomed, owned);
  if (isJsonList(value) && schema?.type === "list") return removeItems(schema, value, doomed, owned);
  return value;
}

function removeMembers(
  schema: Schema | undefined,
  object: JsonObject,
  doomed: FieldNode,
  owned: FieldSet,
): JsonObject | undefined {
  const rest: MutableObject = {};
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const left = removeStep(memberSchema(schema, name), value, memberStep(name), doomed, owned);
    if (left !== undefined) setMember(rest, name, left);
  }
  return Object.keys(rest).length > 0 ? rest : undefined;
}

function removeItems(
  list: ListSchema,
  items: readonly JsonValue[],
  doomed: FieldNode,
  owned: FieldSet,
): readonly JsonValue[] | undefined {
  const rest = items.flatMap((item) => {
    const step = itemStep(list, item);
    const left = step === undefined ? item : removeStep(list.item, item, step, doomed, owned);
    return left === undefined ? [] : [left];
  });
  return rest.length > 0 ? rest : undefined;
}

function removeStep(
  schema: Schema | undefined,
  value: JsonValue,
  step: string,
  doomed: FieldNode,
  owned: FieldSet,
): JsonValue | undefined {
  const node = below(doomed, step);
  if (node === undefined) return value;
  if (isField(node)) return undefined;
  const owner = below(owned, step);
  const rest = removeFields(schema, value, node, owner);
  // `emptyDir: {}` means something.
  return rest === undefined && isJsonObject(value) && owner !== undefined && isField(owner) ? {} : rest;
}
