/**
 * Field sets of managedFields are trees of empty objects, larger than the object that they describe, and pods of one
 * template have the same ones. Equal sets, and equal parts of sets, become one frozen object here, so that a
 * cluster's objects share them. Nothing but memory depends on it.
 */
import type { KubeObject } from "#api/kind.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";

type ManagedFields = NonNullable<KubeObject["metadata"]["managedFields"]>;

export interface FieldSetPool {
  /** An equal set, frozen; the same one for equal sets. */
  share(set: JsonObject): JsonObject;
}

/** Parts that are known at a time. Beyond that the pool begins anew, and what has been shared stays so. */
const MAX_PARTS = 20_000;

export function createFieldSetPool(maxParts = MAX_PARTS): FieldSetPool {
  const empty: JsonObject = Object.freeze({});
  /** Parts by their members' names and numbers. */
  const parts = new Map<string, JsonObject>();
  let numbers = new WeakMap<JsonObject, number>();
  let count = 0;

  function begin(): void {
    parts.clear();
    numbers = new WeakMap([[empty, 0]]);
    count = 0;
  }

  function share(set: JsonObject): JsonObject {
    if (numbers.has(set)) return set;
    let key = "";
    const members: Record<string, JsonObject> = {};
    for (const name in set) {
      const member = set[name];
      // Not a field set: somebody has stored something else.
      if (!isJsonObject(member) || name === "__proto__") return set;
      const shared = share(member);
      const number = numbers.get(shared);
      if (number === undefined) return set;
      members[name] = shared;
      key += `${name.length} ${name}${number};`;
    }
    if (key === "") return empty;
    const known = parts.get(key);
    if (known !== undefined) return known;
    const part = Object.freeze(members);
    parts.set(key, part);
    numbers.set(part, ++count);
    return part;
  }

  begin();
  return {
    share(set) {
      if (parts.size >= maxParts) begin();
      return share(set);
    },
  };
}

/** The entries with shared sets; the same array when they have them already. */
export function withSharedFieldSets(pool: FieldSetPool, entries: ManagedFields): ManagedFields {
  let isChanged = false;
  const shared = entries.map((entry) => {
    const { fieldsV1 } = entry;
    if (!isJsonObject(fieldsV1)) return entry;
    const set = pool.share(fieldsV1);
    if (set === fieldsV1) return entry;
    isChanged = true;
    return { ...entry, fieldsV1: set };
  });
  return isChanged ? shared : entries;
}
