/** Whether the fields that a Scale is made from hold what a Scale has. Texts of the API server. */
import { type FieldError, invalid } from "#api/field-error.ts";
import type { ScalePaths } from "#api/kind.ts";
import { goType } from "#api/patch/go-text.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";

const INT32_MAX = 2 ** 31 - 1;

export function checkScaleFields(object: JsonObject, scale: ScalePaths): readonly FieldError[] {
  return [
    ...checkCount(object, scale.specReplicas),
    ...checkCount(object, scale.statusReplicas),
    ...(scale.selector === "" ? [] : checkSelector(object, scale.selector)),
  ];
}

function checkCount(object: JsonObject, path: string): readonly FieldError[] {
  const count = valueAt(object, path);
  const where = `.${path}`;
  if (count === undefined) return [];
  if (typeof count !== "number" || !Number.isInteger(count))
    return [invalid(where, 0, wrongType(path, count, "int64"))];
  if (count < 0) return [invalid(where, count, "should be a non-negative integer")];
  return count > INT32_MAX ? [invalid(where, count, `should be less than or equal to ${INT32_MAX}`)] : [];
}

function checkSelector(object: JsonObject, path: string): readonly FieldError[] {
  const selector = valueAt(object, path);
  if (selector === undefined || typeof selector === "string") return [];
  return [invalid(`.${path}`, "", wrongType(path, selector, "string"))];
}

function wrongType(path: string, value: JsonValue, expected: string): string {
  return `.${path} accessor error: ${JSON.stringify(value)} is of the type ${goType(value)}, expected ${expected}`;
}

function valueAt(object: JsonObject, path: string): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const name of path.split(".")) value = isJsonObject(value) ? value[name] : undefined;
  return value;
}
