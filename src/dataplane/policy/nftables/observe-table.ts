/** A table's content as the kernel has it, in the form in which it is wanted, so that both can be compared. */
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { findTable, listChains, listElements, listRules, listSets } from "#kernel/nfnetlink/nft-query.ts";
import type { NftSet } from "#kernel/nfnetlink/set.ts";
import type { TableName } from "#kernel/nfnetlink/table.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { elementId, type WantedChain, type WantedElement } from "./table-content.ts";

export interface ObservedTable {
  readonly flags: readonly (string | number)[];
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly elements: ReadonlyMap<string, WantedElement>;
  readonly chains: ReadonlyMap<string, WantedChain>;
}

/** Undefined when there is no such table. */
export function observeTable(nft: NftSocket, name: TableName): ObservedTable | undefined {
  const table = findTable(nft, name);
  if (table === undefined) return undefined;
  const sets = listSets(nft, name);
  const rules = Map.groupBy(listRules(nft, name), ({ chain }) => chain);
  return {
    flags: table.flags ?? [],
    sets: new Map(sets.map((set) => [set.set, set])),
    elements: new Map(
      sets.flatMap(({ set }) =>
        listElements(nft, { ...name, set }).map((element) => [elementId(set, element), { set, element }] as const),
      ),
    ),
    chains: new Map(
      listChains(nft, name).map(({ chain, base }) => [
        chain,
        {
          base,
          rules: (rules.get(chain) ?? []).map(({ expressions, comment }) => ({
            expressions: expressions.map(normalExpression),
            comment,
          })),
        },
      ]),
    ),
  };
}

const REGISTER_FIELDS = new Set(["sreg", "dreg"]);

/**
 * An expression without what the kernel adds when it answers: counts, defaults, and its own names for registers, of
 * which several mean the same memory (12 and 2).
 */
export function normalExpression(expression: Expression): Expression {
  const { unknown: _unknown, ...fields }: Record<string, unknown> = { ...expression };
  if (expression.kind === "counter") return { kind: "counter", bytes: 0, packets: 0 };
  const entries = Object.entries(fields).flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (value === undefined || isDefault(name, value)) return [];
    if (REGISTER_FIELDS.has(name) && typeof value === "number") return [[name, normalRegister(value)]];
    return [[name, value instanceof Uint8Array ? Uint8Array.from(value) : value]];
  });
  return Object.fromEntries(entries) as Expression; // the same kind with fewer fields
}

/** What the kernel says of what was not said. */
function isDefault(name: string, value: unknown): boolean {
  if (name === "flags") return value === 0 || (Array.isArray(value) && value.length === 0);
  return name === "op" && value === "mask-xor";
}

/** 8 is the start of 1, 12 of 2, … */
function normalRegister(register: number): number {
  return register >= 8 && register % 4 === 0 ? register / 4 - 1 : register;
}
