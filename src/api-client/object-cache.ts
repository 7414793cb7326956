/** Objects by namespace and name, and by indexes; what an informer keeps. */
import type { KubeObject } from "#api/kind.ts";
import type { IndexFunction } from "./informer.ts";

export interface ObjectCache<O extends KubeObject> {
  get(namespace: string | undefined, name: string): O | undefined;
  list(namespace?: string): readonly O[];
  byIndex(index: string, value: string): readonly O[];
  /** Gives what was there before. */
  set(object: O): O | undefined;
  delete(object: O): O | undefined;
}

export function createObjectCache<O extends KubeObject>(
  indexes: Readonly<Record<string, IndexFunction<O>>>,
): ObjectCache<O> {
  const objects = new Map<string, O>();
  /** Keys of objects: "namespace" is an index like the others. */
  const namespaces = createIndex<O>(({ metadata }) => [metadata.namespace ?? ""]);
  const named = new Map(Object.entries(indexes).map(([name, valuesOf]) => [name, createIndex(valuesOf)]));
  const all = [namespaces, ...named.values()];
  const find = (keys: Iterable<string>): readonly O[] =>
    [...keys].flatMap((key) => {
      const object = objects.get(key);
      return object === undefined ? [] : [object];
    });

  return {
    get: (namespace, name) => objects.get(keyFrom(namespace, name)),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : find(namespaces.keys(namespace))),
    byIndex(index, value) {
      const chosen = named.get(index);
      if (chosen === undefined) throw new RangeError(`Cannot find objects by index "${index}": there is no such index`);
      return find(chosen.keys(value));
    },
    set(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      objects.set(key, object);
      for (const index of all) {
        if (before !== undefined) index.remove(key, before);
        index.add(key, object);
      }
      return before;
    },
    delete(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      if (before === undefined) return undefined;
      objects.delete(key);
      for (const index of all) index.remove(key, before);
      return before;
    },
  };
}

/** The last one, and whose it is. */
let latest: { readonly metadata: KubeObject["metadata"]; readonly key: string } | undefined;

/** `namespace/name`; `name` for kinds of the whole cluster. Who asks for the same object next gets the same string. */
export function keyOf({ metadata }: KubeObject): string {
  if (latest !== undefined && latest.metadata === metadata) return latest.key;
  const key = keyFrom(metadata.namespace, metadata.name ?? "");
  // All who follow a kind are told of an object one after the other: its key is kept in memory once, not by each.
  if (Object.isFrozen(metadata)) latest = { metadata, key };
  return key;
}

export function keyFrom(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

interface Index<O> {
  add(key: string, object: O): void;
  remove(key: string, object: O): void;
  keys(value: string): Iterable<string>;
}

function createIndex<O>(valuesOf: IndexFunction<O>): Index<O> {
  const keysByValue = new Map<string, Set<string>>();
  return {
    add(key, object) {
      for (const value of valuesOf(object)) {
        const keys = keysByValue.get(value);
        if (keys === undefined) keysByValue.set(value, new Set([key]));
        else keys.add(key);
      }
    },
    remove(key, object) {
      for (const value of valuesOf(object)) {
        const keys = keysByValue.get(value);
        keys?.delete(key);
        if (keys?.size === 0) keysByValue.delete(value);
      }
    },
    keys: (value) => keysByValue.get(value) ?? [],
  };
}
