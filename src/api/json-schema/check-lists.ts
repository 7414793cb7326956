/** Items that are in a list twice though its type, set or map, says that each is there once. Texts of the API server. */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { duplicate, type FieldError, invalid } from "../field-error.ts";
import { type FieldPath, formatPath } from "../schema/field-path.ts";
import { additionalOf, type JsonSchemaProps } from "./json-schema-props.ts";

export type CheckLists = (value: JsonValue, path: FieldPath, errors: FieldError[]) => void;

/** undefined: the schema has no such list. */
export function compileListChecks(schema: JsonSchemaProps): CheckLists | undefined {
  const own = ownCheck(schema);
  const items = schema.items === undefined ? undefined : compileListChecks(schema.items);
  const members = new Map(
    Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
      const check = compileListChecks(member);
      return check === undefined ? [] : [[name, check] as const];
    }),
  );
  const additionalSchema = additionalOf(schema);
  const additional = additionalSchema === undefined ? undefined : compileListChecks(additionalSchema);
  if (own === undefined && items === undefined && members.size === 0 && additional === undefined) return undefined;
  return (value, path, errors) => {
    if (Array.isArray(value)) {
      const list: readonly JsonValue[] = value;
      own?.(list, path, errors);
      if (items !== undefined) checkEach(list, items, path, errors);
      return;
    }
    if (!isJsonObject(value) || (members.size === 0 && additional === undefined)) return;
    for (const name in value) {
      const member = value[name];
      const check = members.get(name) ?? additional;
      if (member === undefined || check === undefined) continue;
      path.push(members.has(name) ? `.${name}` : `[${name}]`);
      check(member, path, errors);
      path.pop();
    }
  };
}

function checkEach(list: readonly JsonValue[], check: CheckLists, path: FieldPath, errors: FieldError[]): void {
  for (const [index, item] of list.entries()) {
    path.push(`[${index}]`);
    check(item, path, errors);
    path.pop();
  }
}

type CheckItems = (list: readonly JsonValue[], path: FieldPath, errors: FieldError[]) => void;

function ownCheck(schema: JsonSchemaProps): CheckItems | undefined {
  const { "x-kubernetes-list-type": type, "x-kubernetes-list-map-keys": keys = [] } = schema;
  if (type === "set") return (list, path, errors) => reportRepeated(list, list, path, errors);
  if (type !== "map") return undefined;
  return (list, path, errors) => {
    const stranger = list.findIndex((item) => item !== null && !isJsonObject(item));
    if (stranger >= 0) {
      const where = formatPath([...path, `[${stranger}]`]);
      errors.push(invalid(where, list[stranger], "must be an object for an array of list-type map"));
      return;
    }
    reportRepeated(
      list,
      list.map((item) => keysOf(item, keys)),
      path,
      errors,
    );
  };
}

/** Each that is there more than once is told once, where it comes for the second time. */
function reportRepeated(
  list: readonly JsonValue[],
  identities: readonly JsonValue[],
  path: FieldPath,
  errors: FieldError[],
): void {
  if (list.length < 2) return;
  const times = new Map<string, number>();
  for (const [index, identity] of identities.entries()) {
    const key = JSON.stringify(sorted(identity));
    const count = (times.get(key) ?? 0) + 1;
    times.set(key, count);
    if (count === 2) errors.push(duplicate(formatPath([...path, `[${index}]`]), identity));
  }
}

function keysOf(item: JsonValue, keys: readonly string[]): JsonObject {
  if (!isJsonObject(item)) return {};
  return Object.fromEntries(keys.flatMap((key) => (item[key] === undefined ? [] : [[key, item[key]]])));
}

function sorted(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
