/**
 * The agent's status for people: one line for each field, those of a larger object too; lists of objects as their number,
 * or as tables as well.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { printTable } from "./print-table.ts";

export type StatusFormat = "json" | "wide";

/** `json` is passed on as the agent gave it. */
export function printStatus(text: string, format: StatusFormat | undefined): string {
  const status: unknown = JSON.parse(text);
  if (format === "json" || !isJsonObject(status)) return `${JSON.stringify(status, undefined, 2)}\n`;
  const entries = Object.entries(status);
  const fields = entries.flatMap(([name, value]) => fieldLines(name, value));
  const width = Math.max(...fields.map(([name]) => name.length));
  const lines = fields.map(([name, value]) => `${name.padEnd(width)}  ${summary(value)}\n`);
  const tables = entries.flatMap(([name, value]) =>
    format === "wide" && isTable(value) ? [`\n${name}\n${tableOf(value)}`] : [],
  );
  return [...lines, ...tables].join("");
}

/** Objects of plain values fit into one line, as `restored=1 removed=0`. */
function fieldLines(name: string, value: JsonValue | undefined): readonly (readonly [string, JsonValue | undefined])[] {
  if (!isJsonObject(value) || Object.values(value).every((member) => typeof member !== "object"))
    return [[name, value]];
  return Object.entries(value).map(([member, inner]) => [`${name}.${member}`, inner] as const);
}

function summary(value: JsonValue | undefined): string {
  if (isTable(value)) return String(value.length);
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(summary).join(", ");
  return isJsonObject(value) ? fieldsOf(value) : String(value ?? "-") || "-";
}

function fieldsOf(object: JsonObject): string {
  return Object.entries(object)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.length : String(value)}`)
    .join(" ");
}

function isTable(value: JsonValue | undefined): value is readonly JsonObject[] {
  return Array.isArray(value) && value.length > 0 && value.every(isJsonObject);
}

function tableOf(rows: readonly JsonObject[]): string {
  const headings = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return printTable(
    headings,
    rows.map((row) => headings.map((heading) => summary(row[heading]))),
  );
}
