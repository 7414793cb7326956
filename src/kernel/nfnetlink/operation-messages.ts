/**
 * The netlink messages of one operation. Most are one message; elements are cut into several, because the attribute that
 * holds them may have at most 64 KiB.
 * Source: net/netfilter/nf_tables_api.c, Linux 6.1 (which attributes each message needs).
 */
import { type Codec, encode } from "#base/codec/codec.ts";
import { ATTRIBUTE_HEADER_BYTES, align4 } from "../netlink/attributes.ts";
import { type NetlinkRequest, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from "../netlink/message.ts";
import { encodeChainName, nftChain } from "./chain.ts";
import * as nf from "./nf-tables.ts";
import { type ElementOperation, type NftOperation, unreachable } from "./operation.ts";
import { encodeRuleName, nftRule } from "./rule.ts";
import { encodeSet, encodeSetName } from "./set.ts";
import {
  type ElementRun,
  encodeAllElements,
  encodeElementRun,
  encodeRunMessage,
  type NftSetElement,
  nftSetElement,
} from "./set-element.ts";
import { encodeTableName, nftTable } from "./table.ts";

/** Elements a message carries at most. */
const MAX_ELEMENTS = 1000;
/** Bytes of elements a message carries at most: nla_len is a u16. */
const MAX_ELEMENT_BYTES = 0xffff - ATTRIBUTE_HEADER_BYTES;

/** `number` tells the sets of one transaction apart. */
export function operationMessages(operation: NftOperation, number: number): readonly NetlinkRequest[] {
  switch (operation.do) {
    case "add table":
      return [create(nf.NFT_MSG_NEWTABLE, 0, nftTable, operation.table)];
    case "create table":
      return [create(nf.NFT_MSG_NEWTABLE, NLM_F_EXCL, nftTable, operation.table)];
    case "delete table":
      return [{ type: nf.NFT_MSG_DELTABLE, payload: encodeTableName(operation.table) }];
    case "destroy table":
      return [{ type: nf.NFT_MSG_DESTROYTABLE, payload: encodeTableName(operation.table) }];
    case "flush table":
      return [{ type: nf.NFT_MSG_DELRULE, payload: encodeRuleName({ ...operation.table }) }];
    case "add chain":
      return [create(nf.NFT_MSG_NEWCHAIN, 0, nftChain, operation.chain)];
    case "create chain":
      return [create(nf.NFT_MSG_NEWCHAIN, NLM_F_EXCL, nftChain, operation.chain)];
    case "delete chain":
      return [{ type: nf.NFT_MSG_DELCHAIN, payload: encodeChainName(operation.chain) }];
    case "destroy chain":
      return [{ type: nf.NFT_MSG_DESTROYCHAIN, payload: encodeChainName(operation.chain) }];
    case "flush chain": {
      const { family, table, chain } = operation.chain;
      return [{ type: nf.NFT_MSG_DELRULE, payload: encodeRuleName({ family, table, chain }) }];
    }
    case "add rule":
      return [create(nf.NFT_MSG_NEWRULE, NLM_F_APPEND, nftRule, operation.rule)];
    case "insert rule":
      return [create(nf.NFT_MSG_NEWRULE, 0, nftRule, operation.rule)];
    case "delete rule":
      return [{ type: nf.NFT_MSG_DELRULE, payload: encodeRuleName(operation.rule) }];
    case "add set":
      return [{ type: nf.NFT_MSG_NEWSET, flags: NLM_F_CREATE, payload: encodeSet(operation.set, number) }];
    case "create set":
      return [{ type: nf.NFT_MSG_NEWSET, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encodeSet(operation.set, number) }];
    case "delete set":
      return [{ type: nf.NFT_MSG_DELSET, payload: encodeSetName(operation.set) }];
    case "destroy set":
      return [{ type: nf.NFT_MSG_DESTROYSET, payload: encodeSetName(operation.set) }];
    case "flush set":
      return [{ type: nf.NFT_MSG_DELSETELEM, payload: encodeAllElements(operation.set) }];
    case "add elements":
      return elementMessages(nf.NFT_MSG_NEWSETELEM, NLM_F_CREATE, operation);
    case "create elements":
      return elementMessages(nf.NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, operation);
    case "delete elements":
      return elementMessages(nf.NFT_MSG_DELSETELEM, 0, operation);
    case "destroy elements":
      return elementMessages(nf.NFT_MSG_DESTROYSETELEM, 0, operation);
    default:
      return unreachable(operation);
  }
}

function create<T>(type: number, flags: number, codec: Codec<T>, value: T): NetlinkRequest {
  return { type, flags: NLM_F_CREATE | flags, payload: encode(codec, value) };
}

/** None for no elements: the same message without elements would mean all of them. */
function elementMessages(type: number, flags: number, operation: ElementOperation): readonly NetlinkRequest[] {
  const { set, elements } = operation;
  const runs = "runs" in elements ? elements.runs : packElements(elements);
  return runs.map((run) => ({ type, flags, payload: encodeRunMessage(set, run) }));
}

/** As bytes that fit a message each. */
export function packElements(elements: readonly NftSetElement[]): readonly ElementRun[] {
  return splitElements(elements).map(encodeElementRun);
}

/** Runs of elements that fit a message each. */
export function splitElements(elements: readonly NftSetElement[]): readonly (readonly NftSetElement[])[] {
  const runs: NftSetElement[][] = [];
  let run: NftSetElement[] = [];
  let bytes = 0;
  for (const element of elements) {
    const more = align4(ATTRIBUTE_HEADER_BYTES + nftSetElement.size(element));
    if (run.length > 0 && (run.length === MAX_ELEMENTS || bytes + more > MAX_ELEMENT_BYTES)) {
      runs.push(run);
      run = [];
      bytes = 0;
    }
    run.push(element);
    bytes += more;
  }
  if (run.length > 0) runs.push(run);
  return runs;
}
