/**
 * Changes of an nf_tables ruleset as data: what `nft` sentences start with, and what they are about.
 * `add` is content with an object that exists, `create` is not; `delete` wants it there, `destroy` (Linux 6.3) does not.
 */
import type { ChainName, NftChain } from "./chain.ts";
import type { NftRule, RuleName } from "./rule.ts";
import type { NftSet, SetName } from "./set.ts";
import type { ElementRun, NftSetElement } from "./set-element.ts";
import type { NftTable, TableName } from "./table.ts";

export type NftOperation =
  | { readonly do: "add table" | "create table"; readonly table: NftTable }
  | { readonly do: "delete table" | "destroy table" | "flush table"; readonly table: TableName }
  | { readonly do: "add chain" | "create chain"; readonly chain: NftChain }
  | { readonly do: "delete chain" | "destroy chain" | "flush chain"; readonly chain: ChainName }
  /** `add` at the end or behind `position`; `insert` at the start or before it. */
  | { readonly do: "add rule" | "insert rule"; readonly rule: NftRule }
  | { readonly do: "delete rule"; readonly rule: RuleName }
  | { readonly do: "add set" | "create set"; readonly set: NftSet }
  | { readonly do: "delete set" | "destroy set" | "flush set"; readonly set: SetName }
  | ElementOperation;

export interface ElementOperation {
  readonly do: "add elements" | "create elements" | "delete elements" | "destroy elements";
  readonly set: SetName;
  readonly elements: readonly NftSetElement[] | PackedElements;
}

/** Many elements, each run of them as the bytes of one message. */
export interface PackedElements {
  readonly length: number;
  readonly runs: readonly ElementRun[];
}

/** As in `nft`: `add chain inet podwire post`, `add 2 elements inet podwire masq4`. */
export function describeOperation(operation: NftOperation): string {
  switch (operation.do) {
    case "add table":
    case "create table":
    case "delete table":
    case "destroy table":
    case "flush table":
      return `${operation.do} ${describeTable(operation.table)}`;
    case "add chain":
    case "create chain":
    case "delete chain":
    case "destroy chain":
    case "flush chain":
      return `${operation.do} ${describeChain(operation.chain)}`;
    case "add rule":
    case "insert rule":
      return `${operation.do} ${describeChain(operation.rule)}`;
    case "delete rule":
      return `${operation.do} ${describeChain(operation.rule)} handle ${operation.rule.handle}`;
    case "add set":
    case "create set":
    case "delete set":
    case "destroy set":
    case "flush set":
      return `${operation.do} ${describeSet(operation.set)}`;
    case "add elements":
    case "create elements":
    case "delete elements":
    case "destroy elements": {
      const [verb] = operation.do.split(" ");
      const count = operation.elements.length;
      const what = count === 1 ? "element" : `${count} elements`;
      const only = count === 1 && !("runs" in operation.elements) ? describeKey(operation.elements[0]) : "";
      return `${verb} ${what} ${describeSet(operation.set)}${only}`;
    }
    default:
      return unreachable(operation);
  }
}

export function describeKey(element: NftSetElement | undefined): string {
  return ` { ${element?.key ? `0x${Buffer.from(element.key).toString("hex")}` : "*"} }`;
}

function describeTable({ family, table }: TableName): string {
  return `${family} ${table}`;
}

function describeChain({ family, table, chain }: ChainName): string {
  return `${family} ${table} ${chain}`;
}

function describeSet({ family, table, set }: SetName): string {
  return `${family} ${table} ${set}`;
}

export function unreachable(value: never): never {
  throw new Error(`Cannot handle ${JSON.stringify(value)}: not a known case`);
}
