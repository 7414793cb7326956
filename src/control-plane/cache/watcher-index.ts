/**
 * The watchers of a kind, found by what a change can interest: all objects, those of a namespace, those with a field
 * pinned to a value. A change costs what its watchers cost, not what all watchers do.
 */
import type { KubeObject } from "#api/kind.ts";
import { isJsonObject } from "#base/json.ts";
import type { Change, View } from "./change.ts";

export interface WatcherIndex<W extends View> {
  readonly size: number;
  has(watcher: W): boolean;
  add(watcher: W): void;
  delete(watcher: W): void;
  /** Whoever the change may be for, each once; also those that are added meanwhile. */
  candidates(change: Change): Iterable<W>;
  all(): Iterable<W>;
}

/** Where a watcher hangs: "" for all, "namespace=x", or "path=value". */
interface Place {
  readonly path: string;
  readonly value: string;
}

const ALL = "";
const NAMESPACE = "namespace";

export function createWatcherIndex<W extends View>(): WatcherIndex<W> {
  const byPath = new Map<string, Map<string, Set<W>>>();
  const places = new Map<W, Place>();
  return {
    get size() {
      return places.size;
    },
    has: (watcher) => places.has(watcher),
    add(watcher) {
      const { path, value } = placeOf(watcher);
      const byValue = byPath.get(path) ?? new Map<string, Set<W>>();
      byPath.set(path, byValue);
      const watchers = byValue.get(value) ?? new Set<W>();
      byValue.set(value, watchers);
      watchers.add(watcher);
      places.set(watcher, { path, value });
    },
    delete(watcher) {
      const place = places.get(watcher);
      if (place === undefined) return;
      places.delete(watcher);
      const byValue = byPath.get(place.path);
      const watchers = byValue?.get(place.value);
      watchers?.delete(watcher);
      if (watchers?.size === 0) byValue?.delete(place.value);
      if (byValue?.size === 0) byPath.delete(place.path);
    },
    *candidates(change) {
      for (const [path, byValue] of byPath) {
        for (const value of valuesAt(path, change)) yield* byValue.get(value) ?? [];
      }
    },
    all: () => places.keys(),
  };
}

function placeOf({ namespace, selector }: View): Place {
  const pins = Object.entries(selector.pins ?? {});
  const [pin] = pins.toSorted(([a], [b]) => Number(b === "metadata.name") - Number(a === "metadata.name"));
  if (pin !== undefined) return { path: pin[0], value: pin[1] };
  return namespace === undefined ? { path: ALL, value: "" } : { path: NAMESPACE, value: namespace };
}

/** Before and after the change: who loses sight of an object wants to know. */
function valuesAt(path: string, { key, object, previous }: Change): Iterable<string> {
  if (path === ALL) return [""];
  if (path === NAMESPACE) return [key.slice(0, Math.max(0, key.indexOf("/")))];
  const values = [object, previous].flatMap((state) => (state === undefined ? [] : [fieldOf(state, path)]));
  return new Set(values);
}

/** "" for a field that is not there, as in field selectors. */
function fieldOf(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const name of path.split(".")) value = isJsonObject(value) ? value[name] : undefined;
  return typeof value === "string" ? value : "";
}
