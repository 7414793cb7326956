/**
 * nf_tables rules: a list of expressions in a chain. Equal to `nft add rule inet podwire post ip saddr vmap @masq4`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_rule_attributes), Linux 6.1.
 */
import { type Codec, encode, type ValueOf } from "#base/codec/codec.ts";
import { cString, mapped, rawBytes, u32be } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes, markNested } from "../netlink/attributes.ts";
import type { ChainName } from "./chain.ts";
import { type Expression, expressionList } from "./expression.ts";
import { header, nfgenmsg, requireFamily, u64number } from "./nfnetlink.ts";
import type { TableName } from "./table.ts";
import { commentItems, findComment, lenientUserdata } from "./userdata.ts";

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_COMPAT = 5;
const NFTA_RULE_POSITION = 6;
const NFTA_RULE_USERDATA = 7;

export interface NftRule extends ChainName {
  readonly expressions: readonly Expression[];
  readonly comment?: string | undefined;
  /** Handle of the rule behind which `add rule` puts this one, and before which `insert rule` does. */
  readonly position?: number | undefined;
  /** Given by the kernel. */
  readonly handle?: number | undefined;
}

export interface RuleName extends ChainName {
  readonly handle: number;
}

const wire = headerAndAttributes(
  nfgenmsg,
  attributes({
    table: attribute(NFTA_RULE_TABLE, cString),
    chain: attribute(NFTA_RULE_CHAIN, cString),
    handle: attribute(NFTA_RULE_HANDLE, u64number),
    position: attribute(NFTA_RULE_POSITION, u64number),
    expressions: attribute(NFTA_RULE_EXPRESSIONS, expressionList),
    /** Protocol of an iptables rule, for its extensions; nothing of ours. */
    compat: attribute(NFTA_RULE_COMPAT, markNested({ ...rawBytes })),
    userdata: attribute(NFTA_RULE_USERDATA, lenientUserdata),
    id: attribute(9, u32be),
  }),
);

export const nftRule: Codec<NftRule> = mapped<ValueOf<typeof wire>, NftRule>(
  wire,
  ({ family, table, chain, expressions, userdata, handle }) => {
    if (table === undefined || chain === undefined) throw new Error("rule without a chain");
    return {
      family: requireFamily(family),
      table,
      chain,
      expressions: expressions ?? [],
      comment: findComment(userdata),
      handle,
    };
  },
  ({ family, table, chain, expressions, comment, position }) => ({
    ...header(family),
    table,
    chain,
    position,
    expressions,
    userdata: commentItems(comment),
  }),
);

/** One rule, or all rules of a chain, or all rules of a table: what DELRULE and GETRULE take. */
export function encodeRuleName(name: TableName & { readonly chain?: string; readonly handle?: number }): Buffer {
  return encode(wire, { ...header(name.family), table: name.table, chain: name.chain, handle: name.handle });
}

/** The chain that this expression may jump or go to. */
export function jumpTarget(expression: Expression): string | undefined {
  if (expression.kind !== "immediate" || expression.data instanceof Uint8Array) return undefined;
  return expression.data.chain;
}
