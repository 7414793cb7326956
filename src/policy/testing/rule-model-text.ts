/** A model as data that compares: maps and sets in one order. */
import type { RuleModel, RuleModelChanges } from "../rule-model.ts";

export function comparableModel({ pods, directions, addressSets, namedPorts }: RuleModel) {
  return {
    pods: sorted(pods),
    directions: sorted(directions),
    addressSets: sorted(addressSets).map(([id, set]) => [id, set.kind === "block" ? set : [...set.addresses].sort()]),
    namedPorts: sorted(namedPorts).map(([key, targets]) => [
      key,
      targets.map((target) => JSON.stringify(target)).sort(),
    ]),
  };
}

/** What an enforcer has after changes, when it had `model`. Throws when a change does not fit. */
export function applyChanges(model: RuleModel, changes: RuleModelChanges): RuleModel {
  const addressSets = new Map(model.addressSets);
  for (const [id, change] of changes.addressSets) {
    if (change === undefined) addressSets.delete(id);
    else if (change.kind === "whole") addressSets.set(id, change.set);
    else {
      const old = addressSets.get(id);
      if (old?.kind !== "addresses") throw new Error(`There is no set ${id} to change`);
      const addresses = new Set(old.addresses);
      for (const address of change.remove) {
        if (!addresses.delete(address)) throw new Error(`${id} has no ${address} to remove`);
      }
      for (const address of change.add) {
        if (addresses.has(address)) throw new Error(`${id} has ${address} already`);
        addresses.add(address);
      }
      addressSets.set(id, { kind: "addresses", addresses });
    }
  }
  return {
    pods: merged(model.pods, changes.pods),
    directions: merged(model.directions, changes.directions),
    addressSets,
    namedPorts: merged(model.namedPorts, changes.namedPorts),
  };
}

function merged<V>(map: ReadonlyMap<string, V>, changes: ReadonlyMap<string, V | undefined>): ReadonlyMap<string, V> {
  const result = new Map(map);
  for (const [key, value] of changes) {
    if (value === undefined) {
      if (!result.delete(key)) throw new Error(`There is no ${key} to remove`);
    } else result.set(key, value);
  }
  return result;
}

function sorted<V>(map: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
