/**
 * Which members of a JSON text are there more than once. Slower than `JSON.parse`, and only run when the number of
 * members shows that there are some. Does not recurse.
 */
import { closingQuote } from "./json-text.ts";

/** An object or list that is open at the current offset. */
interface Level {
  /** undefined: a list. */
  readonly keys: Set<string> | undefined;
  /** The member or item that is being read. */
  key: string;
  index: number;
  /** Where the next string is a member's name. */
  expectsKey: boolean;
}

const DUPLICATES_MAX = 100;

/** The text is known to be JSON. Gives `duplicate field "metadata.name"`, each once. */
export function findDuplicates(text: string): readonly string[] {
  const levels: Level[] = [];
  const found = new Set<string>();
  for (let offset = 0; offset < text.length && found.size < DUPLICATES_MAX; offset++) {
    const level = levels.at(-1);
    switch (text[offset]) {
      case "{":
        levels.push({ keys: new Set(), key: "", index: 0, expectsKey: true });
        break;
      case "[":
        levels.push({ keys: undefined, key: "", index: 0, expectsKey: false });
        break;
      case "}":
      case "]":
        levels.pop();
        break;
      case ",":
        if (level?.keys === undefined) increment(level);
        else level.expectsKey = true;
        break;
      case '"': {
        const end = closingQuote(text, offset);
        if (level?.keys !== undefined && level.expectsKey) {
          level.key = String(JSON.parse(text.slice(offset, end + 1)));
          level.expectsKey = false;
          if (level.keys.has(level.key)) found.add(`duplicate field ${JSON.stringify(pathOf(levels))}`);
          level.keys.add(level.key);
        }
        offset = end;
        break;
      }
      default:
    }
  }
  return [...found];
}

function increment(level: Level | undefined): void {
  if (level !== undefined) level.index++;
}

function pathOf(levels: readonly Level[]): string {
  const segments = levels.map(({ keys, key, index }) => (keys === undefined ? `[${index}]` : `.${key}`));
  return segments.join("").replace(/^\./, "");
}
