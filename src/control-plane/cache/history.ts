/**
 * The latest changes of a kind, oldest first: for watches that resume, and for lists as of a revision a little back,
 * which undo them.
 */
import { compareKeys } from "../store/key-range.ts";
import type { Revision } from "../store/store.ts";
import type { Change } from "./change.ts";
import type { SnapshotEntry } from "./snapshot.ts";

export interface HistoryBounds {
  /** Never more changes than this. */
  readonly maxChanges: number;
  /** Not older than this, but always `minChanges`. */
  readonly maxAgeMs: number;
  readonly minChanges: number;
}

export const DEFAULT_BOUNDS: HistoryBounds = { maxChanges: 10_000, maxAgeMs: 75_000, minChanges: 1_000 };

export interface History {
  /** All changes behind it are known. */
  readonly after: Revision;
  readonly maxChanges: number;
  append(changes: readonly Change[], now: number): void;
  /** Changes between `after` and this history's; false when they would be too many. */
  prepend(changes: readonly Change[], after: Revision, now: number): boolean;
  since(revision: Revision): readonly Change[];
}

interface Remembered {
  readonly change: Change;
  readonly at: number;
}

export function createHistory(start: Revision, bounds: HistoryBounds): History {
  let after = start;
  let remembered: Remembered[] = [];
  /** Those before it are forgotten; they are cut off now and then, not one by one. */
  let first = 0;

  function trim(now: number): void {
    for (let oldest = remembered[first]; oldest !== undefined; oldest = remembered[first]) {
      const count = remembered.length - first;
      const isOld = count > bounds.minChanges && now - oldest.at > bounds.maxAgeMs;
      if (!isOld && count <= bounds.maxChanges) break;
      after = oldest.change.revision;
      first++;
    }
    // A revision with several changes goes as a whole.
    while (remembered[first]?.change.revision === after) first++;
    if (first > 1_000 && first > remembered.length / 2) {
      remembered = remembered.slice(first);
      first = 0;
    }
  }

  return {
    get after() {
      return after;
    },
    maxChanges: bounds.maxChanges,
    append(changes, now) {
      for (const change of changes) remembered.push({ change, at: now });
      trim(now);
    },
    prepend(changes, from, now) {
      if (changes.length + remembered.length - first > bounds.maxChanges) return false;
      remembered = [...changes.map((change) => ({ change, at: now })), ...remembered.slice(first)];
      first = 0;
      after = from;
      return true;
    },
    since(revision) {
      let low = first;
      let high = remembered.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((remembered[middle]?.change.revision ?? 0) <= revision) low = middle + 1;
        else high = middle;
      }
      return remembered.slice(low).map(({ change }) => change);
    },
  };
}

/** The entries before the changes, which are all that have been since, oldest first. */
export function undo(entries: readonly SnapshotEntry[], changes: readonly Change[]): readonly SnapshotEntry[] {
  if (changes.length === 0) return entries;
  const before = new Map<string, Change["previous"]>();
  // The first change of a key knows what was there.
  for (const { key, previous } of changes.toReversed()) before.set(key, previous);
  const unchanged = entries.filter(({ key }) => !before.has(key));
  const restored = [...before].flatMap(([key, object]) => (object === undefined ? [] : [{ key, object }]));
  return mergeSorted(
    unchanged,
    restored.sort((a, b) => compareKeys(a.key, b.key)),
  );
}

function mergeSorted(a: readonly SnapshotEntry[], b: readonly SnapshotEntry[]): readonly SnapshotEntry[] {
  const merged: SnapshotEntry[] = [];
  let index = 0;
  for (const entry of a) {
    for (let next = b[index]; next !== undefined && compareKeys(next.key, entry.key) < 0; next = b[index]) {
      merged.push(next);
      index++;
    }
    merged.push(entry);
  }
  return [...merged, ...b.slice(index)];
}
