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
  const source = translate(pattern);
  try {
    return new RegExp(source, "u");
  } catch (error) {
    // Outside of Unicode mode more characters may be escaped, as in Go; but it has fewer classes.
    if (/\\[pPu]\{/.test(source)) throw error;
    return new RegExp(source);
  }
}

const TOKEN =
  /\\Q[\s\S]*?(?:\\E|$)|\\[pP]\{\^?\w+\}|\\[pP][A-Z]|\\x\{[0-9A-Fa-f]+\}|\\[\s\S]|\[\^?\]?(?:\[:\^?\w+:\]|\\[\s\S]|[^\]\\])*\]|\(\?[a-zA-Z-]+\)|\(\?P<|\(\?[a-zA-Z-]*:|[()|]|[^\\[()|]+|[\s\S]/g;

function translate(pattern: string): string {
  /** For each group that is open, the flags that were set in it. */
  const open: string[][] = [[]];
  const close = (): string => ")".repeat(open.at(-1)?.length ?? 0);
  const parts = (pattern.match(TOKEN) ?? []).map((token) => {
    if (/^\(\?[a-zA-Z-]+\)$/.test(token)) {
      // Flags hold until the end of the group, also for its other alternatives.
      const flags = token.slice(0, -1);
      open.at(-1)?.push(flags);
      return `${flags}:`;
    }
    if (token === "|") return `${close()}|${(open.at(-1) ?? []).map((flags) => `${flags}:`).join("")}`;
    if (token === ")") {
      const closed = `${close()})`;
      open.pop();
      return closed;
    }
    if (token.startsWith("(")) {
      open.push([]);
      return token === "(?P<" ? "(?<" : token;
    }
    return token.startsWith("[") && token.length > 1 ? translateClass(token) : translateEscape(token);
  });
  return `${parts.join("")}${close()}`;
}

function translateClass(text: string): string {
  const inner = text
    .slice(1, -1)
    .replace(/\[:(\^?)(\w+):\]|\\[pP][A-Z]|\\x\{[0-9A-Fa-f]+\}|\\[\s\S]/g, (found, not, name) => {
      if (name === undefined) return translateEscape(found);
      return not === "" ? (CLASSES[String(name)] ?? found) : found;
    });
  // In Go a bracket that comes first is one of the characters.
  return `[${inner.replace(/^(\^?)\]/, "$1\\]").replace(/(^|[^\\])\[/g, "$1\\[")}]`;
}

function translateEscape(text: string): string {
  if (text.startsWith("\\Q"))
    return text
      .slice(2)
      .replace(/\\E$/, "")
      .replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  if (/^\\[pP][A-Z]$/.test(text)) return `${text.slice(0, 2)}{${text.slice(2)}}`;
  if (text.startsWith("\\x{")) return `\\u${text.slice(2)}`;
  if (text === "\\A") return "^";
  if (text === "\\z") return "$";
  return text === "\\a" ? "\\x07" : text;
}
