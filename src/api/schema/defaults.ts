/**
 * Fills in what a client left out. Zeros of fields that are not pointers go first, as absent; then come the fields'
 * defaults, which see the object around them without its other defaults; numbers and booleans that must be there
 * are 0 and false. What needs no change is shared with the given object, which may be frozen.
 * Source: Kubernetes API conventions, "Defaulting".
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import type { Kind } from "../kind.ts";
import { objectMeta } from "../meta/object-meta.ts";
import { type MutableJsonObject, setMember } from "./json-member.ts";
import { perSchema } from "./per-schema.ts";
import type { Field, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";
import { zeroCheckOf } from "./zero-check.ts";

/** Gives the same value when there is nothing to change. undefined: there never is. */
type Complete = ((value: JsonValue) => JsonValue) | undefined;

export function applyDefaults<O>(kind: Kind<O>, object: O): O {
  if (kind.custom !== undefined) {
    // Decoded objects are JSON, and a custom kind's objects have no other type.
    return completeMetadata(kind.custom.complete(object as JsonObject)) as O;
  }
  const complete = completerOf(kind.schema);
  // Decoded objects are JSON; defaults are values of their fields' schemas.
  return complete === undefined ? object : (complete(object as JsonObject) as O);
}

function completeMetadata(object: JsonObject): JsonObject {
  const { metadata } = object;
  if (metadata === undefined) return object;
  const completed = applySchemaDefaults(objectMeta, metadata);
  return completed === metadata ? object : { ...object, metadata: completed };
}

/** As `applyDefaults`, for any part of an object. */
export function applySchemaDefaults(schema: Schema, value: JsonValue): JsonValue {
  return completerOf(schema)?.(value) ?? value;
}

const completerOf: (schema: Schema) => Complete = perSchema<Complete>(
  (schema) => {
    if (schema.type === "object") return objectCompleter(schema);
    if (schema.type === "list") return listCompleter(schema);
    return schema.type === "map" ? mapCompleter(schema) : undefined;
  },
  (find) => (value) => find()?.(value) ?? value,
);

interface Member {
  readonly name: string;
  readonly isZero: ((value: JsonValue) => boolean) | undefined;
  readonly complete: Complete;
}

interface Default {
  readonly name: string;
  readonly value: Field["default"];
  readonly complete: Complete;
}

function objectCompleter(schema: ObjectSchema): Complete {
  const members = new Map<string, Member>();
  const defaults: Default[] = [];
  for (const [name, field] of Object.entries(schema.fields)) {
    const isZero = droppedZeros(field);
    const complete = completerOf(field.schema);
    if (isZero !== undefined || complete !== undefined) members.set(name, { name, isZero, complete });
    const value = field.default ?? zeroWhenAbsent(field);
    if (value !== undefined) defaults.push({ name, value, complete });
  }
  if (members.size === 0 && defaults.length === 0) return undefined;
  return (value) => {
    if (!isJsonObject(value)) return value;
    const given = withoutZeros(value, members);
    let changed: MutableJsonObject | undefined;
    for (const name in given) {
      const member = given[name];
      const complete = members.get(name)?.complete;
      if (complete === undefined || member === undefined) continue;
      const completed = complete(member);
      if (completed === member) continue;
      changed ??= copyOf(given);
      changed[name] = completed;
    }
    for (const { name, value: byDefault, complete } of defaults) {
      if (given[name] !== undefined) continue;
      const member = typeof byDefault === "function" ? byDefault(given) : byDefault;
      if (member === undefined) continue;
      changed ??= copyOf(given);
      changed[name] = complete?.(member) ?? member;
    }
    return changed ?? given;
  };
}

/** None where the default is such a zero: dropping it would only bring it back. */
function droppedZeros(field: Field): Member["isZero"] {
  const isZero = zeroCheckOf(field);
  const { default: value } = field;
  return value !== undefined && typeof value !== "function" && isZero?.(value) === true ? undefined : isZero;
}

/** Go writes these even when nobody set them. */
function zeroWhenAbsent({ required, pointer, schema }: Field): 0 | false | undefined {
  if (required !== true || pointer === true) return undefined;
  if (schema.type === "boolean") return false;
  return schema.type === "integer" && (schema.min ?? 0) <= 0 ? 0 : undefined;
}

function withoutZeros(value: JsonObject, members: ReadonlyMap<string, Member>): JsonObject {
  const isZero = (name: string): boolean => {
    const member = value[name];
    return member !== undefined && members.get(name)?.isZero?.(member) === true;
  };
  for (const name in value) {
    if (isZero(name)) return Object.fromEntries(Object.entries(value).filter(([other]) => !isZero(other)));
  }
  return value;
}

function listCompleter({ item }: ListSchema): Complete {
  const complete = completerOf(item);
  if (complete === undefined) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return value;
    const items: readonly JsonValue[] = value;
    let changed: JsonValue[] | undefined;
    for (const [index, item] of items.entries()) {
      const completed = complete(item);
      if (completed === item) continue;
      changed ??= [...items];
      changed[index] = completed;
    }
    return changed ?? items;
  };
}

function mapCompleter({ value: schema }: MapSchema): Complete {
  const complete = completerOf(schema);
  if (complete === undefined) return undefined;
  return (value) => {
    if (!isJsonObject(value)) return value;
    let changed: MutableJsonObject | undefined;
    for (const key in value) {
      const member = value[key];
      if (member === undefined) continue;
      const completed = complete(member);
      if (completed === member) continue;
      changed ??= copyOf(value);
      setMember(changed, key, completed);
    }
    return changed ?? value;
  };
}

function copyOf(value: JsonObject): MutableJsonObject {
  // Members that are undefined stay so; nobody sees the difference.
  return { ...value } as MutableJsonObject;
}
