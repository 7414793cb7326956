/**
 * One step of a path to a field, as FieldsV1 writes it: `f:spec` is a member, `k:{"name":"web"}` an item of a list by
 * its keys, `v:"x"` an item of a set, `i:0` an index (never written here), `.` the field around it.
 * A step is its canonical text, so that equal steps are equal strings.
 * Source: structured-merge-diff, the serialisation of path elements.
 */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type { ListSchema } from "../../schema/schema.ts";
import { getMember } from "../json-members.ts";

export const SELF = ".";

export function memberStep(name: string): string {
  return `f:${name}`;
}

/** The name that a step means, undefined for steps into lists. */
export function memberOfStep(step: string): string | undefined {
  return step.startsWith("f:") ? step.slice(2) : undefined;
}

interface ItemKey {
  readonly name: string;
  /** `"name":` */
  readonly prefix: string;
  readonly default: JsonValue | undefined;
}

const itemKeys = new WeakMap<ListSchema, readonly ItemKey[]>();

/** The step to this item; undefined when it has none (no key at all, or a list that is no map or set). */
export function itemStep(list: ListSchema, item: JsonValue): string | undefined {
  switch (list.merge.kind) {
    case "atomic":
      return undefined;
    case "set":
      return typeof item === "object" ? undefined : `v:${JSON.stringify(item)}`;
    case "map":
      return isJsonObject(item) ? keyStep(keysOf(list, list.merge.keys), item) : undefined;
  }
}

function keyStep(
  keys: readonly ItemKey[],
  item: { readonly [key: string]: JsonValue | undefined },
): string | undefined {
  let text = "";
  for (const { name, prefix, default: fallback } of keys) {
    const value = getMember(item, name) ?? fallback;
    if (value !== undefined) text += `${text === "" ? "" : ","}${prefix}${JSON.stringify(value)}`;
  }
  return text === "" ? undefined : `k:{${text}}`;
}

function keysOf(list: ListSchema, names: readonly string[]): readonly ItemKey[] {
  const known = itemKeys.get(list);
  if (known !== undefined) return known;
  const fields = list.item.type === "object" ? list.item.fields : {};
  const keys = [...names].sort().map((name) => {
    const fallback = fields[name]?.default;
    return {
      name,
      prefix: `${JSON.stringify(name)}:`,
      default: typeof fallback === "function" ? undefined : fallback,
    };
  });
  itemKeys.set(list, keys);
  return keys;
}

/** Whether two items have the same step, without making it. */
export function isSameItem(list: ListSchema, a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (list.merge.kind !== "map" || !isJsonObject(a) || !isJsonObject(b)) return false;
  for (const { name, default: fallback } of keysOf(list, list.merge.keys)) {
    if ((getMember(a, name) ?? fallback) !== (getMember(b, name) ?? fallback)) return false;
  }
  return true;
}

/** Reads a step from outside into its canonical text; undefined for kinds of steps that are not known. */
export function parseStep(text: string): string | undefined {
  if (text.length < 2 || text[1] !== ":") throw new Error(`${JSON.stringify(text)} is no path element`);
  const rest = text.slice(2);
  switch (text[0]) {
    case "f":
      return text;
    case "k": {
      const keys: JsonValue = JSON.parse(rest);
      if (!isJsonObject(keys)) throw new Error(`${JSON.stringify(text)} has no keys`);
      const members = Object.keys(keys).sort();
      return `k:{${members.map((name) => `${JSON.stringify(name)}:${JSON.stringify(keys[name])}`).join(",")}}`;
    }
    case "v":
      return `v:${JSON.stringify(JSON.parse(rest))}`;
    case "i":
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

/** As messages show it: `.spec`, `[name="web"]`, `[="x"]`, `[0]`. */
export function printStep(step: string): string {
  const rest = step.slice(2);
  switch (step[0]) {
    case "f":
      return `.${rest}`;
    case "k": {
      const keys: Record<string, JsonValue> = JSON.parse(rest);
      const texts = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      return `[${texts.join(",")}]`;
    }
    case "v":
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}
