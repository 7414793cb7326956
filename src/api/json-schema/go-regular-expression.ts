/**
 * Regular expressions as Go reads them (RE2), as JavaScript's: what both have is the same, what is only spelt
 * differently is translated. Source: RE2 syntax.
 */

const CLASSES: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  ascii: "\\x00-\\x7F",
  blank: "\\t ",
  cntrl: "\\x00-\\x1F\\x7F",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

/** Throws SyntaxError for a pattern that is none. */
export function goRegularExpression(pattern: string): RegExp {
  const { flags, source } = translate(pattern);
  try {
    return new RegExp(source, `${flags}u`);
  } catch (error) {
    // Outside of Unicode mode more characters may be escaped, as in Go.
    if (/\\[pP]\{/.test(source)) throw error;
    return new RegExp(source, flags);
  }
}

function translate(pattern: string): { readonly flags: string; readonly source: string } {
  const leading = /^\(\?([ims]+)\)/.exec(pattern);
  const rest = leading === null ? pattern : pattern.slice(leading[0].length);
  const source = rest.replace(
    /\\Q(.*?)(?:\\E|$)|\\p([A-Z])|\\P([A-Z])|\\([\s\S])|\[:(\^?)([a-z]+):\]|\(\?P</g,
    (found, quoted, property, notProperty, escaped, negated, name) => {
      if (quoted !== undefined) return String(quoted).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
      if (property !== undefined) return `\\p{${property}}`;
      if (notProperty !== undefined) return `\\P{${notProperty}}`;
      if (escaped !== undefined) return escape(String(escaped), found);
      if (name !== undefined) return negated === "" ? (CLASSES[name] ?? found) : found;
      return "(?<";
    },
  );
  return { flags: leading?.[1] ?? "", source };
}

function escape(character: string, found: string): string {
  if (character === "A") return "^";
  if (character === "z") return "$";
  if (character === "a") return "\\x07";
  return found;
}
