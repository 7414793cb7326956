/**
 * The entries of metadata.managedFields: who manages which fields, how they are read from clients, told apart, capped
 * and sorted. Source: Kubernetes API reference, meta/v1 ManagedFieldsEntry; apimachinery's managedfields.
 */
import type { JsonValue } from "#base/json.ts";
import type { KubeObject } from "../../kind.ts";
import type { ManagedFieldsEntry } from "../../meta/object-meta.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import { type FieldNode, type FieldSet, parseFieldSet, setsEqual, union } from "./field-set.ts";

/** An entry as this module writes it. Sets in it are canonical. */
export interface ManagedEntry {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** RFC 3339 with whole seconds. */
  readonly time?: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: FieldNode;
  readonly subresource?: string;
}

/** What tells writers apart. An apply is the same writer in every version. */
export interface Writer {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
}

const MAX_UPDATE_ENTRIES = 10;
const OLD_UPDATES = "ancient-changes";

export function isWrittenBy(entry: ManagedEntry, writer: Writer): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === writer.operation &&
    (entry.subresource ?? "") === writer.subresource &&
    (entry.operation === "Apply" || entry.apiVersion === writer.apiVersion)
  );
}

export function managedEntry(writer: Writer, fields: FieldNode, time: string | undefined): ManagedEntry {
  const { manager, operation, apiVersion, subresource } = writer;
  return {
    manager,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(subresource !== "" && { subresource }),
  };
}

/** The entry with this set: itself when it is the same set, undefined when the set is empty. */
export function withFields(entry: ManagedEntry, fields: FieldSet): ManagedEntry | undefined {
  if (fields === undefined) return undefined;
  return fields === entry.fieldsV1 ? entry : { ...entry, fieldsV1: fields };
}

export function timeText(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

type Listed = readonly ManagedFieldsEntry[] | undefined;

/** Entries of an object in the store, which were written here. */
export function storedEntries(object: KubeObject | undefined): readonly ManagedEntry[] {
  // Nothing but this module writes managedFields, so their sets are canonical and need no parsing.
  return (object?.metadata.managedFields ?? []) as readonly ManagedEntry[];
}

/**
 * The entries that a write starts from: the client's when it sends others than the stored ones, none when it resets
 * them ([] or [{}]), else the stored ones; also where the client's cannot be read, so that nobody loses them by
 * mistake.
 */
export function requestedEntries(old: KubeObject | undefined, next: KubeObject): readonly ManagedEntry[] {
  const stored = storedEntries(old);
  const requested: Listed = next.metadata.managedFields;
  if (requested === undefined || requested === stored) return stored;
  if (isReset(requested)) return [];
  // Entries are JSON; the type of the kind only says less about it.
  if (jsonEqual(requested as JsonValue, stored as unknown as JsonValue)) return stored;
  return parseEntries(requested) ?? stored;
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  const [first, ...further] = entries;
  return first === undefined || (further.length === 0 && Object.values(first).every((value) => value === undefined));
}

/** undefined when one of them is no valid entry. */
export function parseEntries(entries: readonly ManagedFieldsEntry[]): readonly ManagedEntry[] | undefined {
  const parsed: ManagedEntry[] = [];
  for (const entry of entries) {
    const { operation, apiVersion = "", fieldsType, manager = "", time, subresource = "" } = entry;
    if (operation === undefined || apiVersion === "" || fieldsType !== "FieldsV1") return undefined;
    let fields: FieldSet;
    try {
      fields = parseFieldSet(entry.fieldsV1 ?? {});
    } catch {
      // Not a set: the caller falls back to what is stored, as Kubernetes does.
      return undefined;
    }
    if (fields === undefined) continue;
    parsed.push(managedEntry({ manager, operation, apiVersion, subresource }, fields, time));
  }
  return parsed;
}

/** Merges the oldest updates into one entry per version when there are too many of them. */
export function capUpdates(entries: readonly ManagedEntry[]): readonly ManagedEntry[] {
  const updates = entries.filter((entry) => entry.operation === "Update");
  let excess = updates.length - MAX_UPDATE_ENTRIES;
  if (excess <= 0) return entries;
  const oldestFirst = [...updates].sort(
    (a, b) => compareText(a.time ?? "", b.time ?? "") || compareText(a.manager, b.manager),
  );
  const dropped = new Set<ManagedEntry>();
  const buckets = new Map<string, readonly ManagedEntry[]>();
  for (const entry of oldestFirst) {
    if (excess === 0) break;
    const bucket = [...(buckets.get(entry.apiVersion) ?? []), entry];
    buckets.set(entry.apiVersion, bucket);
    if (bucket.length > 1) excess -= 1;
  }
  const merged: ManagedEntry[] = [];
  for (const [apiVersion, bucket] of buckets) {
    if (bucket.length < 2) continue;
    for (const entry of bucket) dropped.add(entry);
    const fields = bucket.reduce<FieldSet>((set, entry) => union(set, entry.fieldsV1), undefined) ?? {};
    const writer = { manager: OLD_UPDATES, operation: "Update", apiVersion, subresource: "" } as const;
    merged.push(managedEntry(writer, fields, bucket.at(-1)?.time));
  }
  return [...entries.filter((entry) => !dropped.has(entry)), ...merged];
}

/** Applies before updates, then by time, manager, version and subresource. */
export function sortEntries(entries: readonly ManagedEntry[]): readonly ManagedEntry[] {
  const isSorted = entries.every((entry, index) => {
    const before = entries[index - 1];
    return before === undefined || compareEntries(before, entry) <= 0;
  });
  return isSorted ? entries : [...entries].sort(compareEntries);
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? "", b.time ?? "") ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource ?? "", b.subresource ?? "")
  );
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The object with these entries; itself when it has them already. */
export function withEntries(object: KubeObject, entries: readonly ManagedEntry[]): KubeObject {
  if (object.metadata.managedFields === entries) return object;
  const { managedFields, ...metadata } = object.metadata;
  if (entries.length > 0) return { ...object, metadata: { ...metadata, managedFields: entries } };
  return managedFields === undefined ? object : { ...object, metadata };
}

/**
 * The entries of `next`, with the times of `stored` where all else is the same. A write that would change nothing but
 * these times is none: compare with this before writing.
 */
export function withStoredTimes(stored: KubeObject, next: KubeObject): KubeObject {
  const before = storedEntries(stored);
  const after = storedEntries(next);
  if (before === after || before.length !== after.length) return next;
  const settled = after.map((entry) => before.find((known) => isSameButTime(known, entry)));
  return settled.every((entry) => entry !== undefined) ? withEntries(next, before) : next;
}

function isSameButTime(a: ManagedEntry, b: ManagedEntry): boolean {
  return (
    isWrittenBy(a, { ...b, subresource: b.subresource ?? "" }) &&
    a.apiVersion === b.apiVersion &&
    setsEqual(a.fieldsV1, b.fieldsV1)
  );
}
