/**
 * Takes out of a custom object what its schema does not name, and tells where that was.
 * Source: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions" (field pruning).
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";
import { type MutableJsonObject, setMember } from "../schema/json-member.ts";
import { additionalOf, asResource, type JsonSchemaProps, META_FIELDS, preservesUnknown } from "./json-schema-props.ts";

export interface Pruned<T extends JsonValue> {
  /** The given value itself when nothing is unknown. */
  readonly value: T;
  /** "spec.bogus", "spec.ports[0].bogus". */
  readonly unknown: readonly string[];
}

/** `isResource`: apiVersion, kind and metadata are known without being named. */
export function pruneUnknown(schema: JsonSchemaProps, value: JsonObject, isResource: boolean): Pruned<JsonObject> {
  const place: Place = { path: [], unknown: [] };
  const pruned = pruneMembers(isResource ? asResource(schema) : schema, value, place, false);
  return { value: pruned, unknown: place.unknown };
}

/** Where the function is; changed as it goes down and up. */
interface Place {
  readonly path: FieldPath;
  readonly unknown: string[];
}

/** `keeps`: unknown members stay, because a list around the value says so. */
function prune(schema: JsonSchemaProps | undefined, value: JsonValue, place: Place, keeps: boolean): JsonValue {
  if (isJsonObject(value)) return pruneMembers(schema, value, place, keeps);
  return Array.isArray(value) ? pruneItems(schema, value, place, keeps) : value;
}

function pruneItems(
  schema: JsonSchemaProps | undefined,
  items: readonly JsonValue[],
  place: Place,
  isKept: boolean,
): JsonValue {
  const keeps = isKept || (schema !== undefined && preservesUnknown(schema));
  if (keeps && schema?.items === undefined) return items;
  let changed: JsonValue[] | undefined;
  let index = 0;
  for (const item of items) {
    place.path.push(`[${index}]`);
    const pruned = prune(schema?.items, item, place, keeps);
    place.path.pop();
    if (pruned !== item) {
      changed ??= [...items];
      changed[index] = pruned;
    }
    index += 1;
  }
  return changed ?? items;
}

function pruneMembers(
  schema: JsonSchemaProps | undefined,
  object: JsonObject,
  { path, unknown }: Place,
  isKept: boolean,
): JsonObject {
  const keeps = isKept || (schema !== undefined && preservesUnknown(schema));
  const isResource = schema?.["x-kubernetes-embedded-resource"] === true;
  const additional = schema === undefined ? undefined : additionalOf(schema);
  const allowsAny = schema?.additionalProperties === true;
  let changed: MutableJsonObject | undefined;
  for (const name in object) {
    const member = object[name];
    if (member === undefined || (isResource && META_FIELDS.has(name))) continue;
    const known = ownProperty(schema, name) ?? additional;
    if (known === undefined && !allowsAny && keeps) continue;
    path.push(`.${name}`);
    if (known === undefined && !allowsAny) {
      unknown.push(formatPath(path));
      changed ??= copyOf(object);
      delete changed[name];
    } else {
      // Where anything is allowed nothing is named, so that objects there lose what is in them.
      const pruned = prune(known, member, { path, unknown }, false);
      if (pruned !== member) {
        changed ??= copyOf(object);
        setMember(changed, name, pruned);
      }
    }
    path.pop();
  }
  return changed ?? object;
}

/** Not a member of Object's own, such as "constructor". */
export function ownProperty(schema: JsonSchemaProps | undefined, name: string): JsonSchemaProps | undefined {
  const properties = schema?.properties;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function copyOf(object: JsonObject): MutableJsonObject {
  // Members that are undefined stay so; nobody sees the difference.
  return { ...object } as MutableJsonObject;
}
