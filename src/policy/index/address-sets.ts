/**
 * The sets of addresses that rules in use name, each once however many name it, and what changed in them since it was
 * asked last. Two pods may claim one address for a moment (a new one has it while the old one is not gone yet): it stays
 * as long as any of them has it.
 */

import { labelMatcher } from "#api/selectors/parse-label-selector.ts";
import type { IpAddress } from "#base/ip-address.ts";
import type { WorldNode } from "../policy-world.ts";
import type { AddressSet, AddressSetChange, AddressSetId } from "../rule-model.ts";
import type { AddressSource } from "../selection.ts";
import type { PodSelections } from "./pod-selections.ts";

export interface AddressSets {
  setNode(node: WorldNode): void;
  deleteNode(name: string): void;
  acquire(source: AddressSource): void;
  release(id: AddressSetId): void;
  takeChanges(): ReadonlyMap<AddressSetId, AddressSetChange | undefined>;
  /** As of the last `takeChanges`; changes with the next. */
  readonly taken: ReadonlyMap<AddressSetId, AddressSet>;
}

interface LiveSet {
  users: number;
  readonly block: Extract<AddressSet, { kind: "block" }> | undefined;
  /** Who has an address, counted. */
  readonly counts: Map<IpAddress, number>;
  readonly selectsNode: ((labels: WorldNode["labels"]) => boolean) | undefined;
  release(): void;
}

type TakenSet =
  | Extract<AddressSet, { kind: "block" }>
  | { readonly kind: "addresses"; readonly addresses: Set<IpAddress> };

export function createAddressSets(selections: PodSelections): AddressSets {
  const live = new Map<AddressSetId, LiveSet>();
  const nodes = new Map<string, WorldNode>();
  const nodeSets = new Set<AddressSetId>();
  const taken = new Map<AddressSetId, TakenSet>();
  /** Sets that began or ended. */
  const dirtySets = new Set<AddressSetId>();
  /** Addresses that came or went, of sets that stay. */
  const dirtyAddresses = new Map<AddressSetId, Set<IpAddress>>();

  function count(
    id: AddressSetId,
    set: LiveSet,
    change: { readonly addresses: readonly IpAddress[]; readonly by: 1 | -1 },
  ) {
    for (const address of change.addresses) {
      const next = (set.counts.get(address) ?? 0) + change.by;
      if (next === 0) set.counts.delete(address);
      else set.counts.set(address, next);
      if (next === 0 || (next === 1 && change.by === 1)) touch(id, address);
    }
  }

  function touch(id: AddressSetId, address: IpAddress): void {
    const touched = dirtyAddresses.get(id);
    if (touched === undefined) dirtyAddresses.set(id, new Set([address]));
    else touched.add(address);
  }

  function createSet(source: AddressSource): LiveSet {
    const { id } = source;
    const counts = new Map<IpAddress, number>();
    const base = { users: 0, counts, block: undefined, selectsNode: undefined, release: () => {} };
    switch (source.kind) {
      case "block":
        return { ...base, block: { kind: "block", cidr: source.cidr, except: source.except } };
      case "nodes": {
        const { matches } = labelMatcher(source.requirements);
        const set: LiveSet = { ...base, selectsNode: matches, release: () => nodeSets.delete(id) };
        nodeSets.add(id);
        for (const { labels, addresses } of nodes.values()) if (matches(labels)) count(id, set, { addresses, by: 1 });
        return set;
      }
      case "pods": {
        const selected = selections.acquire(source.selection, (before, after) => {
          count(id, set, { addresses: after?.addresses ?? [], by: 1 });
          count(id, set, { addresses: before?.addresses ?? [], by: -1 });
        });
        const set: LiveSet = { ...base, release: () => selected.release() };
        for (const { addresses } of selected.pods) count(id, set, { addresses, by: 1 });
        return set;
      }
      default:
        return unreachable(source);
    }
  }

  function countNode(node: WorldNode | undefined, by: 1 | -1): void {
    if (node === undefined) return;
    for (const id of nodeSets) {
      const set = live.get(id);
      if (set?.selectsNode?.(node.labels)) count(id, set, { addresses: node.addresses, by });
    }
  }

  function wholeSet(set: LiveSet): TakenSet {
    return set.block ?? { kind: "addresses", addresses: new Set(set.counts.keys()) };
  }

  /** Applies to `taken` what became of one set, and says what it is. */
  function takeSet(id: AddressSetId): AddressSetChange | undefined | "same" {
    const set = live.get(id);
    const old = taken.get(id);
    if (set === undefined) return taken.delete(id) ? undefined : "same";
    if (old === undefined) {
      const whole = wholeSet(set);
      taken.set(id, whole);
      // The receiver's own copy: ours goes on changing.
      return { kind: "whole", set: copyOf(whole) };
    }
    if (old.kind === "block") return "same";
    const touched = dirtySets.has(id) ? new Set([...old.addresses, ...set.counts.keys()]) : dirtyAddresses.get(id);
    const [add, remove]: [IpAddress[], IpAddress[]] = [[], []];
    for (const address of touched ?? []) {
      if (set.counts.has(address) === old.addresses.has(address)) continue;
      (set.counts.has(address) ? add : remove).push(address);
    }
    if (add.length === 0 && remove.length === 0) return "same";
    for (const address of add) old.addresses.add(address);
    for (const address of remove) old.addresses.delete(address);
    return { kind: "delta", add, remove };
  }

  return {
    taken,
    setNode(node) {
      const old = nodes.get(node.name);
      nodes.set(node.name, node);
      countNode(node, 1);
      countNode(old, -1);
    },
    deleteNode(name) {
      const old = nodes.get(name);
      nodes.delete(name);
      countNode(old, -1);
    },
    acquire(source) {
      const known = live.get(source.id);
      if (known !== undefined) {
        known.users += 1;
        return;
      }
      const set = createSet(source);
      set.users = 1;
      live.set(source.id, set);
      dirtySets.add(source.id);
    },
    release(id) {
      const set = live.get(id);
      if (set === undefined) return;
      set.users -= 1;
      if (set.users > 0) return;
      set.release();
      live.delete(id);
      dirtySets.add(id);
    },
    takeChanges() {
      const changes = new Map<AddressSetId, AddressSetChange | undefined>();
      for (const id of new Set([...dirtySets, ...dirtyAddresses.keys()])) {
        const change = takeSet(id);
        if (change !== "same") changes.set(id, change);
      }
      dirtySets.clear();
      dirtyAddresses.clear();
      return changes;
    },
  };
}

function copyOf(set: AddressSet): AddressSet {
  return set.kind === "block" ? set : { kind: "addresses", addresses: new Set(set.addresses) };
}

function unreachable(value: never): never {
  throw new Error(`Unknown source of addresses: ${JSON.stringify(value)}`);
}
