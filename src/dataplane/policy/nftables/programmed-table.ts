/**
 * One table of ours and what it holds: fragments by name. `update` changes some of them with one transaction that costs
 * what they cost; `sync` compares all with the kernel. Where the kernel has it (Linux 6.9), the table belongs to this
 * process's socket: `nft flush ruleset` of others leaves it alone, and it stays behind when the process ends.
 */
import { isErrno } from "#kernel/kernel-error.ts";
import { findTable } from "#kernel/nfnetlink/nft-query.ts";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftTable, TableName } from "#kernel/nfnetlink/table.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { normalExpression, type ObservedTable, observeTable } from "./observe-table.ts";
import {
  type ContentChange,
  describeChange,
  elementChanges,
  isEmptyChange,
  isSameChain,
  planChange,
} from "./plan-changes.ts";
import { elementMap, type Fragment, type WantedChain, type WantedElement, type WantedSet } from "./table-content.ts";

export interface ElementDelta {
  readonly add: readonly WantedElement[];
  readonly remove: readonly WantedElement[];
}

export interface TableChanges {
  /** By name; undefined for those that are no more. */
  readonly fragments: ReadonlyMap<string, Fragment | undefined>;
  /** Of fragments that otherwise stay as they are. */
  readonly deltas?: ReadonlyMap<string, ElementDelta> | undefined;
}

export interface ProgrammedTable {
  readonly fragments: ReadonlyMap<string, Fragment>;
  sync(fragments: ReadonlyMap<string, Fragment>): readonly string[];
  update(changes: TableChanges): readonly string[];
  /** What differs in the kernel. */
  drift(): readonly string[];
  /** Answers whether it was there. */
  remove(): boolean;
}

export interface ProgrammedTableOptions {
  /** Default: yes. Others cannot change it then while this process lives. */
  readonly owned?: boolean | undefined;
}

/** Changes of others that may come in between before this gives up. */
const ATTEMPTS = 5;

export function createProgrammedTable(
  nft: NftSocket,
  table: TableName,
  { owned = true }: ProgrammedTableOptions = {},
): ProgrammedTable {
  const fragments = new Map<string, Fragment>();
  /** Fragments that use a set. */
  const uses = new Map<string, number>();
  let flags: NonNullable<NftTable["flags"]> = owned ? ["owner", "persist"] : [];
  const purpose = `program nft table ${table.family} ${table.table}`;

  function commit(operations: readonly NftOperation[]): void {
    const claim = (): NftOperation => ({ do: "add table", table: { ...table, flags } });
    try {
      nft.commit([claim(), ...operations], purpose);
    } catch (error) {
      if (flags.length === 0 || !isErrno(error, "EOPNOTSUPP", "EINVAL")) throw error;
      flags = []; // an older kernel, or a table that was made without an owner
      nft.commit([claim(), ...operations], purpose);
    }
  }

  function difference(): { readonly change: ContentChange; readonly present: ObservedTable | undefined } {
    const wanted = union(fragments.values());
    const present = observeTable(nft, table);
    return { change: compare(present, wanted), present };
  }

  /** In one transaction, so that there is no moment without the table. */
  function reconcile(): readonly string[] {
    for (let attempt = 1; ; attempt++) {
      const { change, present } = difference();
      const isRebuilt = present !== undefined && mustRebuild(present, union(fragments.values()));
      if (present !== undefined && !isRebuilt && isEmptyChange(change)) {
        if (flags.length > 0 && !present.flags.includes("owner")) commit([]);
        return [];
      }
      const whole = isRebuilt ? compare(undefined, union(fragments.values())) : change;
      try {
        if (isRebuilt) rebuild(whole);
        else commit(planChange(table, whole));
        return describeChange(table, whole);
      } catch (error) {
        // Somebody else changed it since we looked.
        if (!isErrno(error, "EEXIST", "ENOENT", "EBUSY") || attempt === ATTEMPTS) throw error;
      }
    }
  }

  function rebuild(whole: ContentChange): void {
    nft.commit(
      [{ do: "delete table", table }, { do: "add table", table: { ...table, flags } }, ...planChange(table, whole)],
      purpose,
    );
  }

  function count(fragment: Fragment | undefined, by: 1 | -1): void {
    for (const name of fragment?.sets.keys() ?? []) uses.set(name, (uses.get(name) ?? 0) + by);
  }

  function replace(name: string, next: Fragment | undefined): void {
    count(fragments.get(name), -1);
    count(next, 1);
    if (next === undefined) fragments.delete(name);
    else fragments.set(name, next);
  }

  return {
    fragments,
    sync(wanted) {
      for (const name of [...fragments.keys()]) if (!wanted.has(name)) replace(name, undefined);
      for (const [name, one] of wanted) replace(name, one);
      return reconcile();
    },
    update({ fragments: changed, deltas = new Map() }) {
      const before = [...changed.keys()].flatMap((name) => fragments.get(name) ?? []);
      const after = [...changed.values()].flatMap((one) => one ?? []);
      const setsBefore = new Set(
        before.flatMap((one) => [...one.sets.keys()].filter((set) => (uses.get(set) ?? 0) > 0)),
      );
      const definitions = new Map(after.flatMap((one) => [...one.sets]));
      const wasUsed = new Set([...definitions.keys(), ...setsBefore].filter((set) => (uses.get(set) ?? 0) > 0));
      for (const [name, one] of changed) replace(name, one);
      const elements = elementChanges(joined(before, elementsOf), joined(after, elementsOf));
      const delta = applyDeltas(fragments, deltas);
      const chains = chainChanges(joined(before, chainsOf), joined(after, chainsOf));
      const change: ContentChange = {
        ...chains,
        newSets: [...definitions.values()].filter(({ set }) => !wasUsed.has(set)),
        oldSets: [...setsBefore].filter((set) => (uses.get(set) ?? 0) === 0),
        addElements: [...elements.addElements, ...delta.addElements],
        deleteElements: [...elements.deleteElements, ...delta.deleteElements],
      };
      for (const set of change.oldSets) uses.delete(set);
      if (isEmptyChange(change)) return [];
      try {
        nft.commit(planChange(table, change), purpose);
        return describeChange(table, change);
      } catch (error) {
        if (!isErrno(error, "EEXIST", "ENOENT", "EBUSY")) throw error; // the kernel has not what it had: compare
        return reconcile();
      }
    },
    drift: () => {
      const { change, present } = difference();
      return present === undefined ? [`table ${table.family} ${table.table} is gone`] : describeChange(table, change);
    },
    remove() {
      fragments.clear();
      uses.clear();
      if (findTable(nft, table) === undefined) return false;
      nft.commit([{ do: "delete table", table }], `remove nft table ${table.family} ${table.table}`);
      return true;
    },
  };
}

interface WholeContent {
  readonly sets: ReadonlyMap<string, WantedSet>;
  readonly elements: ReadonlyMap<string, WantedElement>;
  readonly chains: ReadonlyMap<string, WantedChain>;
}

function union(fragments: Iterable<Fragment>): WholeContent {
  const all = [...fragments];
  const sets = joined(all, setsOf);
  const fixed = [...sets.values()].flatMap(({ set, fixed: some = [] }) => some.map((element) => ({ set, element })));
  const elements = new Map([...joined(all, elementsOf), ...elementMap(fixed)]);
  return { sets, elements, chains: joined(all, chainsOf) };
}

function joined<T>(
  fragments: readonly Fragment[],
  pick: (fragment: Fragment) => ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  return new Map(fragments.flatMap((one) => [...pick(one)]));
}
const setsOf = ({ sets }: Fragment) => sets;
const elementsOf = ({ elements }: Fragment) => elements;
const chainsOf = ({ chains }: Fragment) => chains;

/** What has to change in place. */
function compare(present: ObservedTable | undefined, wanted: WholeContent): ContentChange {
  const has = present?.sets ?? new Map();
  const chains = new Map(
    Array.from(wanted.chains, ([name, { base, rules }]) => [
      name,
      { base, rules: rules.map((rule) => ({ ...rule, expressions: rule.expressions.map(normalExpression) })) },
    ]),
  );
  const changes = chainChanges(present?.chains ?? new Map(), chains);
  const elements = elementChanges(present?.elements ?? new Map(), wanted.elements);
  const newSets = [...wanted.sets.values()].filter(({ set }) => !has.has(set));
  const isNew = new Set(newSets.filter(({ fixed }) => fixed !== undefined).map(({ set }) => set));
  return {
    newSets,
    oldSets: [...has.keys()].filter((set) => !wanted.sets.has(set)),
    // A new set brings what it holds for good.
    addElements: elements.addElements.filter(({ set }) => !isNew.has(set)),
    deleteElements: elements.deleteElements,
    newChains: written(changes.newChains, wanted),
    changedChains: written(changes.changedChains, wanted),
    oldChains: changes.oldChains,
  };
}

function written(chains: ReadonlyMap<string, WantedChain>, wanted: WholeContent): ReadonlyMap<string, WantedChain> {
  return new Map(
    [...chains.keys()].flatMap((name) => {
      const chain = wanted.chains.get(name);
      return chain === undefined ? [] : [[name, chain] as const];
    }),
  );
}

/** Sets of another kind and chains at another hook cannot be changed, only made anew. */
function mustRebuild(present: ObservedTable, wanted: WholeContent): boolean {
  const isOtherSet = [...wanted.sets.values()].some(({ set, key, data, flags = [] }) => {
    const found = present.sets.get(set);
    if (found === undefined) return false;
    const isInterval = found.flags?.includes("interval") ?? false;
    return (
      found.key.join() !== key.join() ||
      (found.data ?? []).join() !== (data ?? []).join() ||
      isInterval !== flags.includes("interval")
    );
  });
  const isOtherHook = [...wanted.chains].some(([name, { base }]) => {
    const found = present.chains.get(name);
    if (found === undefined) return false;
    return found.base?.hook !== base?.hook || found.base?.priority !== base?.priority;
  });
  return isOtherSet || isOtherHook;
}

function chainChanges(
  before: ReadonlyMap<string, WantedChain>,
  after: ReadonlyMap<string, WantedChain>,
): Pick<ContentChange, "newChains" | "changedChains" | "oldChains"> {
  const newChains = new Map<string, WantedChain>();
  const changedChains = new Map<string, WantedChain>();
  for (const [name, chain] of after) {
    const found = before.get(name);
    if (found === undefined) newChains.set(name, chain);
    else if (!isSameChain(found, chain)) changedChains.set(name, chain);
  }
  return { newChains, changedChains, oldChains: [...before.keys()].filter((name) => !after.has(name)) };
}

/** Elements that come or go by themselves; what is as wanted is no change. */
function applyDeltas(
  fragments: Map<string, Fragment>,
  deltas: ReadonlyMap<string, ElementDelta>,
): Pick<ContentChange, "addElements" | "deleteElements"> {
  const addElements: WantedElement[] = [];
  const deleteElements: WantedElement[] = [];
  for (const [name, { add, remove }] of deltas) {
    const found = fragments.get(name);
    if (found === undefined) continue;
    // This map is the table's own: `compileAddressSet` made it for this fragment alone.
    const elements = found.elements as Map<string, WantedElement>;
    for (const [id, one] of elementMap(remove)) if (elements.delete(id)) deleteElements.push(one);
    for (const [id, one] of elementMap(add)) {
      if (elements.has(id)) continue;
      elements.set(id, one);
      addElements.push(one);
    }
  }
  return { addElements, deleteElements };
}
