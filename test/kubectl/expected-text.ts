/**
 * What a program should print, written as it looks, with names for what differs from run to run:
 *   {age} 5s, 2m30s   {ip}   {uid}   {hash} of a pod template   {suffix} of a generated name   {rv} resource version
 *   {time} in RFC 3339   {date} in RFC 1123, as describe prints it   {n} number   {word}   {any} rest of a line
 * A line that is only {lines} stands for any number of lines, {waiting} for those in which rollout status waits.
 * Two and more spaces between words are columns: their width is not compared. Nor are spaces at the ends of lines.
 */
import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";

const NAMES: Readonly<Record<string, string>> = {
  age: "(?:\\d+[smhdy])+|<invalid>",
  ip: "\\d+\\.\\d+\\.\\d+\\.\\d+",
  uid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  hash: "[0-9a-z]{6,10}",
  suffix: "[0-9a-z]{5}",
  rv: "\\d+",
  time: "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?Z",
  date: "[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d [+-]\\d{4}",
  n: "\\d+",
  word: "\\S+",
  any: ".*",
};

const WHOLE_LINES: Readonly<Record<string, string>> = {
  "{lines}": "(?:.*\\n)*?",
  "{waiting}": "(?:Waiting for .*\\n)*",
};

const compiled = new Map<string, RegExp>();

/** Lines of the expectation may be indented as a whole, for the sake of the source. */
export function expectedPattern(expected: string): RegExp {
  const known = compiled.get(expected);
  if (known !== undefined) return known;
  const lines = trimIndent(expected).map((line) => WHOLE_LINES[line] ?? `${linePattern(line)} *\\n`);
  const pattern = new RegExp(`^${lines.join("")}$`);
  compiled.set(expected, pattern);
  return pattern;
}

export function assertText(what: string, actual: string, expected: string | RegExp): void {
  const pattern = typeof expected === "string" ? expectedPattern(expected) : expected;
  // Some kubectls colour what they print, whether there is a terminal or not.
  const plain = stripVTControlCharacters(actual);
  const text = plain === "" || plain.endsWith("\n") ? plain : `${plain}\n`;
  if (pattern.test(text)) return;
  const wanted = typeof expected === "string" ? trimIndent(expected).join("\n") : String(expected);
  assert.fail(`${what} differs\n--- expected\n${wanted}\n--- printed\n${actual}\n---`);
}

function trimIndent(text: string): readonly string[] {
  const lines = text.split("\n");
  if (lines[0]?.trim() === "") lines.shift();
  if (lines.at(-1)?.trim() === "") lines.pop();
  const indents = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const indent = Math.min(...indents);
  return lines.map((line) => line.slice(indent).trimEnd());
}

function linePattern(line: string): string {
  return line
    .split(/(\{[a-z]+\}|(?<=\S) {2,})/)
    .map((part, index) => {
      if (index % 2 === 0) return escapeText(part);
      if (part.startsWith(" ")) return " {2,}";
      const name = NAMES[part.slice(1, -1)];
      return name === undefined ? escapeText(part) : `(?:${name})`;
    })
    .join("");
}

function escapeText(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
