/**
 * Completes a custom object: nulls that its schema does not allow go, or become the default; what is absent becomes
 * the default. Compiled once for each schema. What needs no change is shared with the given value.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (defaulting).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { deepFreeze } from "../schema/freeze.ts";
import { type MutableJsonObject, setMember } from "../schema/json-member.ts";
import { additionalOf, type JsonSchemaProps } from "./json-schema-props.ts";

/** Gives the same value when there is nothing to change. */
export type Complete = (value: JsonValue) => JsonValue;

interface Member {
  readonly isNullable: boolean;
  readonly byDefault: JsonValue | undefined;
  readonly complete: Complete;
}

export function compileDefaults(schema: JsonSchemaProps): Complete {
  const object = objectCompleter(schema);
  const items = schema.items === undefined ? undefined : memberOf(schema.items);
  return (value) => {
    if (isJsonObject(value)) return object(value);
    return Array.isArray(value) && items !== undefined ? completeItems(value, items) : value;
  };
}

function memberOf(schema: JsonSchemaProps): Member {
  const complete = compileDefaults(schema);
  const given = schema.default;
  return {
    isNullable: schema.nullable === true,
    byDefault: given === undefined || given === null ? undefined : deepFreeze(complete(given)),
    complete,
  };
}

function objectCompleter(schema: JsonSchemaProps): (value: JsonObject) => JsonObject {
  const members = new Map(Object.entries(schema.properties ?? {}).map(([name, member]) => [name, memberOf(member)]));
  const defaults = [...members].filter(([, { byDefault }]) => byDefault !== undefined);
  const additionalSchema = additionalOf(schema);
  const additional = additionalSchema === undefined ? undefined : memberOf(additionalSchema);
  return (object) => {
    let changed: MutableJsonObject | undefined;
    for (const name in object) {
      const value = object[name];
      const member = members.get(name) ?? additional;
      if (value === undefined || member === undefined) continue;
      const completed = value === null && !member.isNullable ? member.byDefault : member.complete(value);
      if (completed === value) continue;
      // Members that are undefined stay so; nobody sees the difference.
      changed ??= { ...object } as MutableJsonObject;
      if (completed === undefined) delete changed[name];
      else setMember(changed, name, completed);
    }
    for (const [name, { byDefault }] of defaults) {
      if (byDefault === undefined || (object[name] !== undefined && Object.hasOwn(object, name))) continue;
      changed ??= { ...object } as MutableJsonObject;
      changed[name] = byDefault;
    }
    return changed ?? object;
  };
}

/** A null in a list that has no default stays, for validation to find it. */
function completeItems(items: readonly JsonValue[], { isNullable, byDefault, complete }: Member): readonly JsonValue[] {
  let changed: JsonValue[] | undefined;
  for (const [index, item] of items.entries()) {
    const completed = item === null && !isNullable ? (byDefault ?? null) : complete(item);
    if (completed === item) continue;
    changed ??= [...items];
    changed[index] = completed;
  }
  return changed ?? items;
}
