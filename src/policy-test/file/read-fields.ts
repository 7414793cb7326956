/**
 * Reads located YAML against what may stand there. Problems are collected, not thrown, so that one run names them all;
 * a reader answers undefined for what it could not read, after it has said so.
 */
import { type FileProblem, nearest, PolicyTestError } from "../policy-test-error.ts";
import type { Located, LocatedEntry, LocatedMap } from "./located-yaml.ts";

export interface Problems {
  add(at: Pick<Located, "source">, field: string, message: string): undefined;
  readonly count: number;
  /** Throws PolicyTestError when there are any. */
  check(file: string): void;
}

export function createProblems(): Problems {
  const found: FileProblem[] = [];
  return {
    add({ source }, field, message) {
      found.push({ source, field, message });
      return undefined;
    },
    get count() {
      return found.length;
    },
    check(file) {
      if (found.length === 0) return;
      const count = found.length === 1 ? "1 problem" : `${found.length} problems`;
      throw new PolicyTestError("file", `Cannot use "${file}": ${count}`, { problems: found });
    },
  };
}

/** What a value is, where it stands, and who is told. */
export interface Reading {
  readonly value: Located;
  readonly field: string;
  readonly problems: Problems;
}

/** Members by name. Keys that nobody knows are problems, with the nearest one that is known. */
export function readFields<const K extends string>(
  { value, field, problems }: Reading,
  known: readonly K[],
): { readonly [N in K]?: Reading } | undefined {
  const map = requireMap({ value, field, problems });
  if (map === undefined) return undefined;
  const fields: { [N in K]?: Reading } = {};
  for (const entry of map.entries) {
    const name = known.find((one) => one === entry.key);
    const path = joinPath(field, entry.key);
    if (name === undefined) {
      problems.add(entry, path, `unknown field; ${suggestion(entry.key, known)}`);
    } else if (fields[name] !== undefined) {
      problems.add(entry, path, "it is there twice");
    } else {
      fields[name] = { value: entry.value, field: path, problems };
    }
  }
  return fields;
}

export function suggestion(written: string, known: readonly string[]): string {
  const near = nearest(written, known);
  return near === undefined ? `known are ${known.join(", ")}` : `did you mean "${near}"?`;
}

/** All members, in their order; an empty value has none. */
export function readEntries(reading: Reading): readonly (LocatedEntry & { readonly reading: Reading })[] {
  if (isNull(reading.value)) return [];
  const map = requireMap(reading);
  if (map === undefined) return [];
  const seen = new Set<string>();
  return map.entries.flatMap((entry) => {
    const field = joinPath(reading.field, entry.key);
    if (seen.has(entry.key)) {
      reading.problems.add(entry, field, "it is there twice");
      return [];
    }
    seen.add(entry.key);
    return [{ ...entry, reading: { value: entry.value, field, problems: reading.problems } }];
  });
}

export function readItems({ value, field, problems }: Reading): readonly Reading[] {
  if (value.kind !== "list") {
    if (!isNull(value)) problems.add(value, field, `must be a list, not ${describe(value)}`);
    return [];
  }
  return value.items.map((item, index) => ({ value: item, field: `${field}[${index}]`, problems }));
}

/** A list, or one alone. */
export function readOneOrMore(reading: Reading): readonly Reading[] {
  return reading.value.kind === "list" ? readItems(reading) : [reading];
}

export function readText({ value, field, problems }: Reading): string | undefined {
  if (value.kind === "scalar" && typeof value.value === "string") return value.value;
  if (value.kind === "scalar" && (typeof value.value === "number" || typeof value.value === "boolean")) {
    return problems.add(value, field, `must be text: write ${JSON.stringify(String(value.value))} in quotes`);
  }
  return problems.add(value, field, `must be text, not ${describe(value)}`);
}

export function readChoice<const C extends string>(
  { value, field, problems }: Reading,
  choices: readonly C[],
): C | undefined {
  const given = value.kind === "scalar" ? String(value.value) : "";
  const found = choices.find((choice) => choice === given);
  if (found !== undefined) return found;
  const near = nearest(given, choices);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return problems.add(value, field, `must be ${choices.join(" or ")}, not ${describe(value)}${hint}`);
}

export function readInteger(reading: Reading, { min, max }: { readonly min: number; readonly max: number }) {
  const { value, field, problems } = reading;
  const number = value.kind === "scalar" ? value.value : undefined;
  if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
  return problems.add(value, field, `must be a number from ${min} to ${max}, not ${describe(value)}`);
}

/** Values that are text; numbers and booleans would be something else in Kubernetes, too. */
export function readTexts(reading: Reading): Readonly<Record<string, string>> {
  const texts: [string, string][] = [];
  for (const { key, reading: one } of readEntries(reading)) {
    const text = readText(one);
    if (text !== undefined) texts.push([key, text]);
  }
  return Object.fromEntries(texts);
}

export function isNull(value: Located): boolean {
  return value.kind === "scalar" && value.value === null;
}

export function describe(value: Located): string {
  if (value.kind === "list") return "a list";
  if (value.kind === "map") return "a mapping";
  return value.value === null ? "nothing" : JSON.stringify(value.value);
}

function requireMap({ value, field, problems }: Reading): LocatedMap | undefined {
  if (value.kind === "map") return value;
  return problems.add(value, field, `must be a mapping, not ${describe(value)}`);
}

function joinPath(parent: string, name: string): string {
  return parent === "" ? name : `${parent}.${name}`;
}
