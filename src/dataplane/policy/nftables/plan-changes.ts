/**
 * The operations that turn some content of a table into other content: one transaction, in the order in which the kernel
 * wants them (what is referred to comes first and goes last). Pure.
 */
import { isDeepStrictEqual } from "node:util";
import type { NftOperation } from "#kernel/nfnetlink/operation.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import {
  isSameElement,
  type WantedChain,
  type WantedElement,
  type WantedRule,
  type WantedSet,
} from "./table-content.ts";

export interface ContentChange {
  readonly newSets: readonly WantedSet[];
  readonly oldSets: readonly string[];
  readonly addElements: readonly WantedElement[];
  readonly deleteElements: readonly WantedElement[];
  readonly newChains: ReadonlyMap<string, WantedChain>;
  /** Their rules are others. */
  readonly changedChains: ReadonlyMap<string, WantedChain>;
  readonly oldChains: readonly string[];
}

export function isEmptyChange(change: ContentChange): boolean {
  return (
    change.newSets.length + change.oldSets.length + change.oldChains.length === 0 &&
    change.addElements.length + change.deleteElements.length === 0 &&
    change.newChains.size + change.changedChains.size === 0
  );
}

export function planChange(table: TableName, change: ContentChange): readonly NftOperation[] {
  const { newSets, oldSets, addElements, deleteElements, newChains, changedChains, oldChains } = change;
  const gone = new Set(oldSets);
  const chain = (name: string) => ({ ...table, chain: name });
  return [
    ...newSets.map(({ fixed: _fixed, ...set }): NftOperation => ({ do: "create set", set: { ...table, ...set } })),
    ...newSets.flatMap(({ set, fixed = [] }) => elementOperation("create elements", table, set, fixed)),
    ...Array.from(
      newChains,
      ([name, { base }]): NftOperation => ({ do: "create chain", chain: { ...chain(name), base } }),
    ),
    ...bySet(deleteElements).flatMap(([set, elements]) =>
      gone.has(set)
        ? []
        : elementOperation(
            "delete elements",
            table,
            set,
            elements.map(({ key, keyEnd, flags }) => ({ key, keyEnd, flags })),
          ),
    ),
    ...bySet(addElements).flatMap(([set, elements]) => elementOperation("create elements", table, set, elements)),
    ...[...changedChains.keys(), ...oldChains].map((name): NftOperation => ({ do: "flush chain", chain: chain(name) })),
    ...[...newChains, ...changedChains].flatMap(([name, { rules }]) => rules.map((rule) => addRule(table, name, rule))),
    ...oldChains.map((name): NftOperation => ({ do: "delete chain", chain: chain(name) })),
    ...oldSets.map((set): NftOperation => ({ do: "delete set", set: { ...table, set } })),
  ];
}

/** In the words of `nft`, short: what is new, other, or gone. */
export function describeChange({ table }: TableName, change: ContentChange): readonly string[] {
  const of = (verb: string, kind: string, names: Iterable<string>): readonly string[] =>
    Array.from(names, (name) => `${verb} ${kind} ${table} ${name}`);
  const elements = (verb: string, wanted: readonly WantedElement[]): readonly string[] =>
    bySet(wanted).map(([set, some]) => `${verb} ${some.length} elements ${table} ${set}`);
  return [
    ...of(
      "add",
      "set",
      change.newSets.map(({ set }) => set),
    ),
    ...of("add", "chain", change.newChains.keys()),
    ...elements("delete", change.deleteElements),
    ...elements("add", change.addElements),
    ...of("replace", "chain", change.changedChains.keys()),
    ...of("delete", "chain", change.oldChains),
    ...of("delete", "set", change.oldSets),
  ];
}

/** Elements by id, before and after: an element with other data goes and comes. */
export function elementChanges(
  before: ReadonlyMap<string, WantedElement>,
  after: ReadonlyMap<string, WantedElement>,
): Pick<ContentChange, "addElements" | "deleteElements"> {
  const differs = (a: WantedElement, b: WantedElement | undefined): boolean =>
    b === undefined || !isSameElement(a.element, b.element);
  return {
    deleteElements: [...before].filter(([id, one]) => differs(one, after.get(id))).map(([, one]) => one),
    addElements: [...after].filter(([id, one]) => differs(one, before.get(id))).map(([, one]) => one),
  };
}

export function isSameChain(a: WantedChain, b: WantedChain): boolean {
  if (a.rules.length !== b.rules.length) return false;
  return a.rules.every((rule, index) => {
    const other = b.rules[index];
    return (
      other !== undefined && rule.comment === other.comment && isDeepStrictEqual(rule.expressions, other.expressions)
    );
  });
}

function addRule(table: TableName, chain: string, { expressions, comment }: WantedRule): NftOperation {
  return { do: "add rule", rule: { ...table, chain, expressions, comment } };
}

function bySet(elements: readonly WantedElement[]): readonly (readonly [string, readonly NftSetElement[]])[] {
  return [...Map.groupBy(elements, ({ set }) => set)].map(([set, ofSet]) => [set, ofSet.map(({ element }) => element)]);
}

function elementOperation(
  verb: "create elements" | "delete elements",
  table: TableName,
  set: string,
  elements: readonly NftSetElement[],
): readonly NftOperation[] {
  return elements.length === 0 ? [] : [{ do: verb, set: { ...table, set }, elements }];
}
