/** Which lists may be sets, and which may be maps by which keys. Texts of the API server. */
import { childPath, type FieldError, forbidden, invalid, keyPath, notSupported, required } from "../field-error.ts";
import type { JsonSchemaProps } from "./json-schema-props.ts";

const LIST_TYPES = ["atomic", "map", "set"];
const TYPE = "x-kubernetes-list-type";
const KEYS = "x-kubernetes-list-map-keys";

export function checkListType(schema: JsonSchemaProps, path: string): readonly FieldError[] {
  const { [TYPE]: listType, [KEYS]: keys = [], type = "" } = schema;
  const errors: FieldError[] = [];
  const typePath = childPath(path, "type");
  if (listType !== undefined && type !== "array") {
    const why = `must be array if ${TYPE} is specified`;
    errors.push(type === "" ? required(typePath, why) : invalid(typePath, type, why));
  } else if (listType === "set") {
    errors.push(...checkSetItems(schema, path));
  }
  if (listType !== undefined && !LIST_TYPES.includes(listType)) {
    errors.push(notSupported(childPath(path, TYPE), listType, LIST_TYPES));
  }
  if (keys.length > 0 && listType !== "map") {
    const why = `must be map if ${KEYS} is non-empty`;
    errors.push(
      listType === undefined ? required(childPath(path, TYPE), why) : invalid(childPath(path, TYPE), listType, why),
    );
  }
  if (listType === "map") errors.push(...checkMapItems(schema, keys, path));
  if ((listType === "set" || listType === "map") && schema.items?.nullable === true) {
    const where = childPath(childPath(path, "items"), "nullable");
    errors.push(forbidden(where, `cannot be nullable when ${TYPE} is ${listType}`));
  }
  return errors;
}

function checkSetItems({ items }: JsonSchemaProps, path: string): readonly FieldError[] {
  const where = childPath(path, "items");
  const why = `must be atomic as item of a list with ${TYPE}=set`;
  const listType = items?.[TYPE];
  if (items?.type === "array" && listType !== undefined && listType !== "atomic") {
    return [invalid(childPath(where, TYPE), listType, why)];
  }
  const mapType = items?.["x-kubernetes-map-type"];
  return items?.type === "object" && mapType !== "atomic"
    ? [invalid(childPath(where, "x-kubernetes-map-type"), mapType, why)]
    : [];
}

function checkMapItems({ items }: JsonSchemaProps, keys: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const keysPath = childPath(path, KEYS);
  const itemsPath = childPath(path, "items");
  if (keys.length === 0) errors.push(required(keysPath, `must not be empty if ${TYPE} is map`));
  if (items === undefined) return [...errors, required(itemsPath, `must have a schema if ${TYPE} is map`)];
  if (items.type !== "object") {
    const why = `must be object if parent array's ${TYPE} is map`;
    return [...errors, invalid(childPath(itemsPath, "type"), items.type ?? "", why)];
  }
  if (new Set(keys).size < keys.length) errors.push(invalid(keysPath, keys, "must not contain duplicate entries"));
  for (const key of keys) errors.push(...checkKey(items, key, { keys, keysPath, itemsPath }));
  return errors;
}

interface KeyPlace {
  readonly keys: readonly string[];
  readonly keysPath: string;
  readonly itemsPath: string;
}

function checkKey(items: JsonSchemaProps, key: string, { keys, keysPath, itemsPath }: KeyPlace): readonly FieldError[] {
  const property = items.properties?.[key];
  if (property === undefined) return [invalid(keysPath, keys, "entries must all be names of item properties")];
  const path = keyPath(childPath(itemsPath, "properties"), key);
  const errors: FieldError[] = [];
  if (property.type === "array" || property.type === "object") {
    const why = `must be a scalar type if parent array's ${TYPE} is map`;
    errors.push(invalid(childPath(path, "type"), property.type, why));
  }
  if (property.default === undefined && items.required?.includes(key) !== true) {
    const why = `this property is in ${KEYS}, so it must have a default or be a required property`;
    errors.push(required(childPath(path, "default"), why));
  }
  if (property.nullable === true) {
    errors.push(forbidden(childPath(path, "nullable"), `this property is in ${KEYS}, so it cannot be nullable`));
  }
  return errors;
}
