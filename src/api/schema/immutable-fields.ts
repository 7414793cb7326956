/** Which fields that are marked immutable an update would change. Source: Kubernetes API conventions, texts of its validation. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { jsonEqual } from "./json-equal.ts";
import { perSchema } from "./per-schema.ts";
import type { ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";
import { IMMUTABLE } from "./validate-meta.ts";

type Compare = ((next: JsonValue, old: JsonValue, path: FieldPath, errors: FieldError[]) => void) | undefined;

/** undefined: the schema has no such field. */
export const immutableFieldsOf: (schema: Schema) => Compare = perSchema<Compare>(
  (schema) => {
    if (schema.type === "object") return objectComparison(schema);
    if (schema.type === "list") return listComparison(schema);
    return schema.type === "map" ? mapComparison(schema) : undefined;
  },
  (find) => (next, old, path, errors) => find()?.(next, old, path, errors),
);

function objectComparison(schema: ObjectSchema): Compare {
  const members = Object.entries(schema.fields)
    .map(([name, { immutable, schema: part }]) => ({
      name,
      isImmutable: immutable === true,
      compare: immutable === true ? undefined : immutableFieldsOf(part),
    }))
    .filter(({ isImmutable, compare }) => isImmutable || compare !== undefined);
  if (members.length === 0) return undefined;
  return (next, old, path, errors) => {
    if (next === old || !isJsonObject(next) || !isJsonObject(old)) return;
    for (const { name, isImmutable, compare } of members) {
      const [nextMember, oldMember] = [next[name], old[name]];
      path.push(`.${name}`);
      if (isImmutable) {
        if (!jsonEqual(nextMember, oldMember)) errors.push(invalid(formatPath(path), nextMember, IMMUTABLE));
      } else if (nextMember !== undefined && oldMember !== undefined) {
        compare?.(nextMember, oldMember, path, errors);
      }
      path.pop();
    }
  };
}

/** Items are the same by their keys, where the list has some; otherwise by their place. */
function listComparison({ item, merge }: ListSchema): Compare {
  const compare = immutableFieldsOf(item);
  if (compare === undefined) return undefined;
  const keys = merge.kind === "map" ? merge.keys : undefined;
  const identityOf = (value: JsonValue, index: number): JsonValue =>
    keys === undefined ? index : JSON.stringify(keys.map((key) => (isJsonObject(value) ? value[key] : undefined)));
  return (next, old, path, errors) => {
    if (next === old || !Array.isArray(next) || !Array.isArray(old)) return;
    const olds = new Map(old.map((value: JsonValue, index) => [identityOf(value, index), value]));
    for (const [index, value] of next.entries()) {
      const before = olds.get(identityOf(value, index));
      if (before === undefined) continue;
      path.push(`[${index}]`);
      compare(value, before, path, errors);
      path.pop();
    }
  };
}

function mapComparison({ value }: MapSchema): Compare {
  const compare = immutableFieldsOf(value);
  if (compare === undefined) return undefined;
  return (next, old, path, errors) => {
    if (next === old || !isJsonObject(next) || !isJsonObject(old)) return;
    for (const key in next) {
      const [nextMember, oldMember] = [next[key], old[key]];
      if (nextMember === undefined || oldMember === undefined) continue;
      path.push(`[${key}]`);
      compare(nextMember, oldMember, path, errors);
      path.pop();
    }
  };
}
