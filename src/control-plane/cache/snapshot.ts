/**
 * The objects of a kind as they are, by key and in the order of their keys. Keys are those of the store without what
 * all of the kind have in common: "namespace/name", or "name".
 */
import type { KubeObject } from "#api/kind.ts";
import { compareKeys } from "../store/key-range.ts";

export interface SnapshotEntry {
  readonly key: string;
  readonly object: KubeObject;
}

export interface Snapshot {
  /** Sorted. Valid until the next change. */
  readonly entries: readonly SnapshotEntry[];
  get(key: string): KubeObject | undefined;
  /** Gives what was there before. */
  set(key: string, object: KubeObject): KubeObject | undefined;
  delete(key: string): KubeObject | undefined;
}

interface Slot extends SnapshotEntry {
  object: KubeObject;
}

export function createSnapshot(): Snapshot {
  const slots = new Map<string, Slot>();
  // Kept in order at once: moving 10,000 pointers takes microseconds, and most keys come in order.
  const sorted: Slot[] = [];
  return {
    entries: sorted,
    get: (key) => slots.get(key)?.object,
    set(key, object) {
      const slot = slots.get(key);
      if (slot !== undefined) {
        const previous = slot.object;
        slot.object = object;
        return previous;
      }
      const created: Slot = { key, object };
      slots.set(key, created);
      const last = sorted.at(-1);
      if (last === undefined || compareKeys(last.key, key) < 0) sorted.push(created);
      else sorted.splice(firstAtOrBehind(sorted, key), 0, created);
      return undefined;
    },
    delete(key) {
      const slot = slots.get(key);
      if (slot === undefined) return undefined;
      slots.delete(key);
      sorted.splice(firstAtOrBehind(sorted, key), 1);
      return slot.object;
    },
  };
}

/** Index of the first entry whose key is not less. */
export function firstAtOrBehind(entries: readonly SnapshotEntry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && compareKeys(entry.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
