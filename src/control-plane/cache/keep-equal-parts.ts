/**
 * The next state of an object with all parts of the last one that are equal in both: the history holds many states of
 * an object, and most of them differ in a field of the status. Nothing but memory depends on it.
 */
import type { KubeObject } from "#api/kind.ts";

/** Gives a value equal to `next`, member by member in the same order. Neither of the two is changed. */
export function keepEqualParts(last: KubeObject, next: KubeObject): KubeObject {
  // What is equal to an object is one.
  return keep(last, next) as KubeObject;
}

function keep(last: unknown, next: unknown): unknown {
  if (last === next || typeof last !== "object" || typeof next !== "object" || last === null || next === null) {
    return next;
  }
  if (Array.isArray(last)) return Array.isArray(next) ? keepItems(last, next) : next;
  // Both came from JSON and are no arrays.
  return Array.isArray(next) ? next : keepMembers(last as JsonMembers, next as JsonMembers);
}

function keepItems(last: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  let isEqual = last.length === next.length;
  let kept: unknown[] | undefined;
  for (const [index, item] of next.entries()) {
    const value = keep(last[index], item);
    if (value !== last[index]) isEqual = false;
    if (value === item) continue;
    kept ??= [...next];
    kept[index] = value;
  }
  return isEqual ? last : (kept ?? next);
}

type JsonMembers = Readonly<Record<string, unknown>>;

function keepMembers(last: JsonMembers, next: JsonMembers): JsonMembers {
  const names = Object.keys(next);
  const lastNames = Object.keys(last);
  let isEqual = names.length === lastNames.length;
  let kept: Record<string, unknown> | undefined;
  for (const [index, name] of names.entries()) {
    // The order of the members is what clients see.
    if (name !== lastNames[index]) isEqual = false;
    const value = Object.hasOwn(last, name) ? keep(last[name], next[name]) : next[name];
    if (value !== last[name]) isEqual = false;
    if (value === next[name]) continue;
    kept ??= { ...next };
    kept[name] = value;
  }
  return isEqual ? last : (kept ?? next);
}
