/**
 * JSON as Go's encoding/json reads and writes it. The reference plugins are Go programs, so its habits are
 * part of the CNI contract: keys match in any case, `null` means "not set", output escapes `<`, `>` and `&`.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";

/**
 * The value of `key`, in whatever case it is spelled. Of several spellings the last one that is not null counts,
 * because Go assigns in the order of the text; an exact match has no precedence (tried with the reference).
 */
export function lookup(json: JsonObject, key: string): JsonValue | undefined {
  const wanted = key.toLowerCase();
  let found: JsonValue | undefined;
  for (const [name, value] of Object.entries(json)) {
    if (value !== null && value !== undefined && name.toLowerCase() === wanted) found = value;
  }
  return found;
}

/** As `lookup`, for many keys of one object: says which of the keys a name spells. */
export function createKeyIndex(keys: readonly string[]): (name: string) => string | undefined {
  const byName = new Map(keys.flatMap((key) => [[key.toLowerCase(), key] as const, [key, key] as const]));
  return (name) => byName.get(name) ?? byName.get(name.toLowerCase());
}

/** Throws SyntaxError. Bytes that are not UTF-8 become U+FFFD. */
export function parseJson(input: string | Uint8Array): JsonValue {
  const text = typeof input === "string" ? input : Buffer.from(input).toString("utf8");
  if (text.trim() === "") throw new SyntaxError("unexpected end of JSON input");
  const value: unknown = JSON.parse(text);
  // What JSON.parse returns is JSON.
  return value as JsonValue;
}

/** Compact, or indented by `indent` spaces. No newline at the end. */
export function formatJson(value: JsonValue, indent = 0): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The same value with the keys of all objects sorted, as Go writes a map. */
export function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, value[key] === undefined ? undefined : sortKeys(value[key])]));
}

type Omitted<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same object without the keys that hold undefined, an empty string or an empty list: Go's `omitempty`. */
export function omitEmpty<T extends object>(object: T): Omitted<T> {
  const kept: Partial<Record<string, unknown>> = {};
  for (const key in object) {
    const value = object[key];
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) continue;
    kept[key] = value;
  }
  // Only optional keys can be dropped: required ones are never empty here, or an empty string is as good as none.
  return kept as Omitted<T>;
}
