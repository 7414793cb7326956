/** Reads the table of Services: what is there, whoever wrote it. */
import { isDeepStrictEqual } from "node:util";
import { decode, encode } from "#base/codec/codec.ts";
import type { NftChain } from "#kernel/nfnetlink/chain.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { NFT_REG_1, NFT_REG_SIZE, NFT_REG32_00, NFT_REG32_SIZE } from "#kernel/nfnetlink/nf-tables.ts";
import { findTable, listChains, listRules, listSets, readElements } from "#kernel/nfnetlink/nft-query.ts";
import { nftRule } from "#kernel/nfnetlink/rule.ts";
import type { NftSetElement } from "#kernel/nfnetlink/set-element.ts";
import type { NftSocket } from "#kernel/nfnetlink/transaction.ts";
import { contentText, keyText } from "./elements.ts";
import { frameSets, LAYOUT, SERVICE_TABLE } from "./service-table.ts";

export interface ObservedTable {
  readonly chains: ReadonlyMap<string, NftChain>;
  readonly rules: ReadonlyMap<string, readonly (readonly Expression[])[]>;
  /**
   * By set, then by key: their contents; not those that the kernel writes itself. A comparison takes out of it what is
   * right. See elements.ts for both texts.
   */
  readonly elements: ReadonlyMap<string, Map<string, string>>;
}

/** Undefined: no table, or one that cannot be taken over. */
export interface TableLook {
  readonly isThere: boolean;
  readonly observed: ObservedTable | undefined;
}

export function observeTable(nft: NftSocket): TableLook {
  const table = findTable(nft, SERVICE_TABLE);
  if (table === undefined) return { isThere: false, observed: undefined };
  const present = new Set(listSets(nft, SERVICE_TABLE).map(({ set }) => set));
  const wanted = frameSets();
  if (table.comment !== LAYOUT || table.flags?.includes("dormant") || wanted.some(({ set }) => !present.has(set))) {
    return { isThere: true, observed: undefined };
  }
  const rules = Map.groupBy(listRules(nft, SERVICE_TABLE), ({ chain }) => chain);
  return {
    isThere: true,
    observed: {
      chains: new Map(listChains(nft, SERVICE_TABLE).map((chain) => [chain.chain, chain])),
      rules: new Map([...rules].map(([chain, ofChain]) => [chain, ofChain.map(({ expressions }) => expressions)])),
      elements: new Map(
        wanted
          .filter(({ flags }) => !flags?.includes("dynamic"))
          .map(({ set }) => [set, readElements(nft, { ...SERVICE_TABLE, set }, textsOf)]),
      ),
    },
  };
}

function textsOf(element: NftSetElement): readonly [key: string, content: string] {
  return [elementText(element), contentText(element)];
}

/** The start and the end of two adjoining ranges have one key. */
export function elementText({ key, flags }: NftSetElement): string {
  const text = keyText(key ?? new Uint8Array());
  return flags?.includes("interval-end") ? `${text} end` : text;
}

/** The kernel answers with fields at their defaults that a request leaves out. */
export function isSameRule(a: readonly Expression[], b: readonly Expression[]): boolean {
  return isDeepStrictEqual(a.map(plain), roundTrip(b).map(plain));
}

function roundTrip(expressions: readonly Expression[]): readonly Expression[] {
  return decode(nftRule, encode(nftRule, { ...SERVICE_TABLE, chain: "", expressions })).expressions;
}

/** What is 0 or absent alike. */
const DEFAULTS: ReadonlySet<unknown> = new Set([undefined, 0, "", "mask-xor"]);
const WORDS_OF_REGISTER = NFT_REG_SIZE / NFT_REG32_SIZE;

function plain(expression: Expression): Readonly<Record<string, unknown>> {
  const fields = Object.entries(expression.kind === "nat" ? plainNat(expression) : expression).filter(
    ([name, value]) =>
      name !== "unknown" &&
      name !== "setId" &&
      !(DEFAULTS.has(value) && name !== "dreg") &&
      !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(fields.map(([name, value]) => [name, comparable(name, value)]));
}

/** The kernel adds the flags, and gives a range of one. */
function plainNat(nat: Extract<Expression, { readonly kind: "nat" }>): Expression {
  const { addrMin, addrMax = addrMin, protoMin, protoMax = protoMin, flags = [] } = nat;
  const others = flags.filter((flag) => flag !== "map-ips" && flag !== "proto-specified");
  return { ...nat, addrMax, protoMax, flags: others };
}

const REGISTERS: ReadonlySet<string> = new Set([
  "sreg",
  "dreg",
  "sregKey",
  "sregData",
  "addrMin",
  "addrMax",
  "protoMin",
  "protoMax",
]);

/** Each fourth of the registers of 4 bytes is one of 16 bytes, and is called so by the kernel. */
function comparable(name: string, value: unknown): unknown {
  if (REGISTERS.has(name) && typeof value === "number") {
    const words = value - NFT_REG32_00;
    return words >= 0 && words % WORDS_OF_REGISTER === 0 ? NFT_REG_1 + words / WORDS_OF_REGISTER : value;
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
