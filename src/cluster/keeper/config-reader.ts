/** Reads an object of a configuration file member by member; a wrong key is named together with the nearest valid one. */
import { isJsonObject, type JsonValue } from "#base/json.ts";

export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** Path of the key: `network.vni`; "" for the whole. */
  readonly key: string;

  constructor(key: string, why: string, options?: ErrorOptions) {
    super(key === "" ? why : `"${key}" ${why}`, options);
    this.key = key;
  }
}

export interface ConfigReader {
  has(key: string): boolean;
  value(key: string): JsonValue | undefined;
  string(key: string, fallback: string): string;
  integer(key: string, range: { readonly min: number; readonly max: number; readonly fallback: number }): number;
  boolean(key: string, fallback: boolean): boolean;
  choice<T extends string>(key: string, choices: readonly T[], fallback: T): T;
  /** Throws ConfigError for that key. */
  refuse(key: string, why: string): never;
}

/** Throws ConfigError when there is a key besides `keys`. */
export function configReader(json: unknown, path: string, keys: readonly string[]): ConfigReader {
  if (!isJsonObject(json)) throw new ConfigError(path.replace(/\.$/, ""), "is no object with keys and values");
  for (const key of Object.keys(json)) {
    if (!keys.includes(key)) throw new ConfigError(path + key, `is no key: ${didYouMean(key, keys)}`);
  }
  const value = (key: string): JsonValue | undefined => json[key] ?? undefined;
  const refuse = (key: string, why: string): never => {
    throw new ConfigError(path + key, why);
  };
  const wrong = (key: string, wanted: string): never => refuse(key, `is ${JSON.stringify(value(key))}: ${wanted}`);
  return {
    has: (key) => value(key) !== undefined,
    value,
    string(key, fallback) {
      const found = value(key) ?? fallback;
      return typeof found === "string" ? found : wrong(key, "it must be text");
    },
    integer(key, { min, max, fallback }) {
      const found = value(key) ?? fallback;
      const isGood = typeof found === "number" && Number.isInteger(found) && found >= min && found <= max;
      return isGood ? found : wrong(key, `it must be a whole number from ${min} to ${max}`);
    },
    boolean(key, fallback) {
      const found = value(key) ?? fallback;
      return typeof found === "boolean" ? found : wrong(key, "it must be true or false");
    },
    choice(key, choices, fallback) {
      const found = value(key) ?? fallback;
      const choice = choices.find((each) => each === found);
      return choice ?? wrong(key, typeof found === "string" ? didYouMean(found, choices) : oneOf(choices));
    },
    refuse,
  };
}

/** "did you mean X? Possible are …", or only what is possible when nothing is near. */
export function didYouMean(word: string, choices: readonly string[]): string {
  const near = nearest(word, choices);
  return near === undefined ? oneOf(choices) : `did you mean "${near}"? Possible: ${choices.join(", ")}`;
}

function oneOf(choices: readonly string[]): string {
  return `possible: ${choices.join(", ")}`;
}

/** The choice with the fewest edits, if they are fewer than half of the word. */
export function nearest(word: string, choices: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, "");
  let best: { readonly choice: string; readonly edits: number } | undefined;
  for (const choice of choices) {
    const edits = editDistance(plain(word), plain(choice));
    if (edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { choice, edits };
  }
  return best !== undefined && best.edits <= Math.floor(word.length / 2) ? best.choice : undefined;
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
