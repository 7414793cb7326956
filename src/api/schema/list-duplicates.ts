/** Items that are in a list twice though its merge rule tells them apart by value or by keys. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { duplicate, type FieldError } from "../field-error.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import type { ListMerge } from "./schema.ts";

export function checkDuplicates(
  merge: ListMerge,
  items: readonly JsonValue[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const keys = merge.kind === "map" ? merge.keys : undefined;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const identity = JSON.stringify(keys === undefined ? item : keys.map((key) => memberOf(item, key)));
    if (seen.has(identity)) errors.push(duplicateAt([...path, `[${index}]`], item, keys));
    seen.add(identity);
  }
}

/** With one key, the error is at that member. */
function duplicateAt(path: FieldPath, item: JsonValue, keys: readonly string[] | undefined): FieldError {
  if (keys === undefined) return duplicate(formatPath(path), item);
  const [key] = keys;
  if (keys.length === 1 && key !== undefined) return duplicate(formatPath([...path, `.${key}`]), memberOf(item, key));
  return duplicate(formatPath(path), Object.fromEntries(keys.map((name) => [name, memberOf(item, name)])));
}

function memberOf(item: JsonValue, key: string): JsonValue | undefined {
  return isJsonObject(item) ? item[key] : undefined;
}
