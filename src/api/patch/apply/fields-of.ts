/**
 * The fields of a value, by its schema: scalars and atomic values are fields themselves, of maps, objects, and lists
 * with keys the fields are further down. What an applied configuration owns and what an update adds differ in one
 * point, as in structured-merge-diff: adding a map or a list also adds it itself.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema, Schema } from "../../schema/schema.ts";
import { isJsonList } from "../json-members.ts";
import { isAtomic, isDeclared, memberSchema } from "./child-schema.ts";
import { FIELD, type FieldSet, type MutableNode, nodeOf, union } from "./field-set.ts";
import { itemStep, memberStep } from "./path-element.ts";

/** "applied": containers are not fields themselves; "added": those that can be absent are; "all": all are. */
export type Containers = "applied" | "added" | "all";

/**
 * Containers that Go holds by value: they are there in every object, so nobody adds them.
 * Written down here only so that managedFields looks as it does elsewhere.
 */
const ALWAYS_THERE: ReadonlySet<string> = new Set([
  ...["metadata", "spec", "status", "template", "strategy", "updateStrategy", "resources", "containers"],
  ...["state", "lastState", "nodeInfo", "daemonEndpoints", "kubeletEndpoint", "loadBalancer", "source", "jobTemplate"],
]);

/** Whether this member, when it is added or removed, is a field itself and not only what is in it. */
function isOwnField(schema: Schema | undefined, name: string, value: JsonValue, containers: Containers): boolean {
  switch (containers) {
    case "all":
      return true;
    case "added":
      return isEmpty(value) || !(isDeclared(schema, name) && ALWAYS_THERE.has(name));
    case "applied":
      // Keys of maps are always fields; of declared members only what has nothing below.
      return value === null || (isJsonObject(value) && isEmpty(value)) || !isDeclared(schema, name);
  }
}

function isEmpty(value: JsonValue): boolean {
  if (isJsonList(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/** The fields of the member `name` of an object with this schema. */
export function fieldsOfMember(
  schema: Schema | undefined,
  name: string,
  value: JsonValue,
  containers: Containers,
): FieldSet {
  return fieldsOf(memberSchema(schema, name), value, containers, isOwnField(schema, name, value, containers));
}

/** `self`: the value is a field itself, whatever is in it. */
export function fieldsOf(
  schema: Schema | undefined,
  value: JsonValue,
  containers: Containers,
  self: boolean,
): FieldSet {
  if (isAtomic(schema)) return FIELD;
  if (isJsonObject(value)) return nodeOf(fieldsOfMembers(schema, value, containers), self);
  if (isJsonList(value) && schema?.type === "list") return nodeOf(fieldsOfItems(schema, value, containers), self);
  return FIELD;
}

function fieldsOfMembers(schema: Schema | undefined, object: JsonObject, containers: Containers): MutableNode {
  const fields: MutableNode = {};
  for (const [name, value] of Object.entries(object)) {
    const node = value === undefined ? undefined : fieldsOfMember(schema, name, value, containers);
    if (node !== undefined) fields[memberStep(name)] = node;
  }
  return fields;
}

function fieldsOfItems(list: ListSchema, items: readonly JsonValue[], containers: Containers): MutableNode {
  const fields: MutableNode = {};
  for (const item of items) {
    const step = itemStep(list, item);
    if (step === undefined) continue;
    const node = union(fields[step], fieldsOf(list.item, item, containers, true));
    if (node !== undefined) fields[step] = node;
  }
  return fields;
}
