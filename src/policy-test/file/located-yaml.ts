/**
 * YAML with the place of every value, so that whoever finds something wrong can say where. JSON is YAML, too.
 * Source: YAML 1.2.2, core schema; merge keys as of YAML 1.1, which Kubernetes tools read.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import type { JsonObject, JsonValue } from "#base/json.ts";
import type { Source } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";

export type Located = LocatedScalar | LocatedList | LocatedMap;

export interface LocatedScalar {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  readonly source: Source;
}

export interface LocatedList {
  readonly kind: "list";
  readonly items: readonly Located[];
  readonly source: Source;
}

export interface LocatedMap {
  readonly kind: "map";
  readonly entries: readonly LocatedEntry[];
  readonly source: Source;
}

export interface LocatedEntry {
  readonly key: string;
  /** Of the key. */
  readonly source: Source;
  readonly value: Located;
}

/** Aliases may repeat what they stand for: a small file must not become a huge one. */
const MAX_NODES = 1_000_000;

interface Reading {
  readonly file: string;
  readonly lines: LineCounter;
  readonly document: Document.Parsed;
  /** Anchors that are being read: one inside itself has no end. */
  readonly open: Set<Node>;
  nodes: number;
}

/** All documents that are not empty. Throws PolicyTestError for text that is no YAML. */
export function readDocuments(text: string, file: string): readonly Located[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((document): readonly Located[] => {
    const [error] = document.errors;
    if (error !== undefined) throw notYaml(sourceAt(file, lines, error.pos[0]), error.message, text);
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return [];
    return [locate(document.contents, { file, lines, document, open: new Set(), nodes: 0 })];
  });
}

export function toJson(located: Located): JsonValue {
  switch (located.kind) {
    case "scalar":
      return located.value;
    case "list":
      return located.items.map(toJson);
    case "map":
      return mapToJson(located);
  }
}

export function mapToJson({ entries }: LocatedMap): JsonObject {
  return Object.fromEntries(entries.map(({ key, value }) => [key, toJson(value)]));
}

export function member(located: Located, key: string): Located | undefined {
  return located.kind === "map" ? located.entries.find((entry) => entry.key === key)?.value : undefined;
}

/** The text of a member, when it is one. */
export function textOf(located: Located, key: string): string | undefined {
  const value = member(located, key);
  return value?.kind === "scalar" && typeof value.value === "string" ? value.value : undefined;
}

/** The place of the deepest part of `spec.ingress[0].ports` that is there. */
export function placeOf(located: Located, path: string): Source {
  let at = located;
  let { source } = located;
  for (const step of path.match(/[^.[\]]+/g) ?? []) {
    const entry = at.kind === "map" ? at.entries.find(({ key }) => key === step) : undefined;
    const next = at.kind === "list" ? at.items[Number(step)] : entry?.value;
    if (next === undefined) return source;
    source = entry?.source ?? next.source;
    at = next;
  }
  return source;
}

function locate(node: Node, reading: Reading): Located {
  reading.nodes += 1;
  const source = sourceAt(reading.file, reading.lines, node.range?.[0] ?? 0);
  if (reading.nodes > MAX_NODES) throw notYaml(source, "its aliases stand for too much", "");
  if (isAlias(node)) return { ...locateAlias(node, source, reading), source };
  if (isMap(node)) return { kind: "map", entries: node.items.flatMap((pair) => locateEntry(pair, reading)), source };
  if (isSeq(node)) {
    return { kind: "list", items: node.items.flatMap((item) => locateItem(item, source, reading)), source };
  }
  return { kind: "scalar", value: isScalar(node) ? scalarValue(node.value) : null, source };
}

function locateAlias(node: Node, source: Source, reading: Reading): Located {
  const target = isAlias(node) ? node.resolve(reading.document) : undefined;
  if (target === undefined) throw notYaml(source, "the alias stands for nothing", "");
  if (reading.open.has(target)) throw notYaml(source, "the alias stands for something that it is inside of", "");
  reading.open.add(target);
  const located = locate(target, reading);
  reading.open.delete(target);
  return located;
}

function locateItem(item: unknown, source: Source, reading: Reading): readonly Located[] {
  if (isNode(item)) return [locate(item, reading)];
  return [{ kind: "scalar", value: null, source }];
}

function locateEntry(pair: { readonly key: unknown; readonly value: unknown }, reading: Reading): LocatedEntry[] {
  const { key, value } = pair;
  const source = sourceAt(reading.file, reading.lines, isNode(key) ? (key.range?.[0] ?? 0) : 0);
  const name = isScalar(key) ? String(key.value) : String(key);
  const located: Located = isNode(value) ? locate(value, reading) : { kind: "scalar", value: null, source };
  if (name !== "<<") return [{ key: name, source, value: located }];
  const merged = located.kind === "list" ? located.items : [located];
  return merged.flatMap((from) => (from.kind === "map" ? [...from.entries] : []));
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value);
}

function scalarValue(value: unknown): LocatedScalar["value"] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}

function sourceAt(file: string, lines: LineCounter, offset: number): Source {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(1, line), column: Math.max(1, col) };
}

function notYaml(source: Source, message: string, text: string): PolicyTestError {
  const isTemplate = /\{\{-?\s/.test(text);
  const problem = { source, field: "", message: isTemplate ? `it is a template, not YAML: ${message}` : message };
  return new PolicyTestError("file", `Cannot read "${source.file}" as YAML`, {
    problems: [problem],
    ...(isTemplate && {
      next: "give what comes out of it: helm template CHART | podwire policy test TEST --policies -",
    }),
  });
}
