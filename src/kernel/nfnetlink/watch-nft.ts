/**
 * Tells of changes of the nf_tables ruleset, one transaction at a time: so an agent notices when somebody flushes its
 * table. Equal to `nft monitor`. The kernel sends the changes of a transaction, then one message with the new generation
 * and who made it. Source: net/netfilter/nf_tables_api.c (nf_tables_commit), Linux 6.1.
 */
import { decode } from "#base/codec/codec.ts";
import { cString } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { listenNetlink, NETLINK_NETFILTER } from "../netlink/socket.ts";
import { notFromPort } from "../netlink/socket-filter.ts";
import type { Netns } from "../netns/netns.ts";
import * as nf from "./nf-tables.ts";
import { NFNLGRP_NFTABLES, type NftFamily, nfgenmsg, requireFamily, u64number } from "./nfnetlink.ts";
import { generationMessage } from "./nft-query.ts";

export type NftObjectKind = "table" | "chain" | "rule" | "set" | "elements" | "object" | "flowtable";

export interface NftChange {
  readonly action: "add" | "delete";
  readonly kind: NftObjectKind;
  readonly family: NftFamily;
  readonly table: string;
  /** Of the chain, set or object; of the chain that holds the rule; of the set that holds the elements. */
  readonly name?: string | undefined;
  /** Of the rule. */
  readonly handle?: number | undefined;
}

export interface NftTransaction {
  readonly generation: number;
  /** Process that made it, as the initial PID namespace numbers it: not comparable with `process.pid` in a container. */
  readonly pid?: number | undefined;
  readonly processName?: string | undefined;
  readonly changes: readonly NftChange[];
}

export interface NftListener {
  changed(transaction: NftTransaction): void;
  /** The kernel dropped events: read the ruleset. */
  lost(): void;
}

export interface WatchNftOptions {
  /** Default: this thread's. */
  readonly netns?: Netns;
  /** Port id of the socket whose transactions are not reported: the watcher's own. */
  readonly ignoredPortId?: number;
}

/** Reports until disposed. */
export function watchNft({ netns, ignoredPortId }: WatchNftOptions, listener: NftListener): Disposable {
  let changes: NftChange[] = [];
  return listenNetlink(
    {
      protocol: NETLINK_NETFILTER,
      groups: [NFNLGRP_NFTABLES],
      ...(netns && { netns }),
      ...(ignoredPortId !== undefined && { filter: notFromPort(ignoredPortId) }),
    },
    {
      message(message) {
        const change = readChange(message);
        if (change) changes.push(change);
        if (message.type !== nf.NFT_MSG_NEWGEN) return;
        const { generation, pid, processName } = decode(generationMessage, message.payload);
        listener.changed({ generation, pid, processName, changes });
        changes = [];
      },
      lost() {
        changes = [];
        listener.lost();
      },
    },
  );
}

const tableEvent = headerAndAttributes(nfgenmsg, attributes({ table: attribute(1, cString) }));
const chainEvent = headerAndAttributes(
  nfgenmsg,
  attributes({ table: attribute(1, cString), name: attribute(3, cString) }),
);
const ruleEvent = headerAndAttributes(
  nfgenmsg,
  attributes({ table: attribute(1, cString), name: attribute(2, cString), handle: attribute(3, u64number) }),
);
/** Sets, lists of elements, objects and flowtables: {table, name} are attributes 1 and 2. */
const namedEvent = headerAndAttributes(
  nfgenmsg,
  attributes({ table: attribute(1, cString), name: attribute(2, cString) }),
);

const EVENTS = new Map<number, Pick<NftChange, "action" | "kind">>([
  [nf.NFT_MSG_NEWTABLE, { action: "add", kind: "table" }],
  [nf.NFT_MSG_DELTABLE, { action: "delete", kind: "table" }],
  [nf.NFT_MSG_NEWCHAIN, { action: "add", kind: "chain" }],
  [nf.NFT_MSG_DELCHAIN, { action: "delete", kind: "chain" }],
  [nf.NFT_MSG_NEWRULE, { action: "add", kind: "rule" }],
  [nf.NFT_MSG_DELRULE, { action: "delete", kind: "rule" }],
  [nf.NFT_MSG_NEWSET, { action: "add", kind: "set" }],
  [nf.NFT_MSG_DELSET, { action: "delete", kind: "set" }],
  [nf.NFT_MSG_NEWSETELEM, { action: "add", kind: "elements" }],
  [nf.NFT_MSG_DELSETELEM, { action: "delete", kind: "elements" }],
  [nf.NFT_MSG_NEWOBJ, { action: "add", kind: "object" }],
  [nf.NFT_MSG_DELOBJ, { action: "delete", kind: "object" }],
  [nf.NFT_MSG_NEWFLOWTABLE, { action: "add", kind: "flowtable" }],
  [nf.NFT_MSG_DELFLOWTABLE, { action: "delete", kind: "flowtable" }],
]);

/** What one message tells; undefined for the generation, traces, and kinds that newer kernels add. */
export function readChange({ type, payload }: Pick<NetlinkMessage, "type" | "payload">): NftChange | undefined {
  const event = EVENTS.get(type);
  if (event === undefined) return undefined;
  switch (event.kind) {
    case "table": {
      const { family, table = "" } = decode(tableEvent, payload);
      return { ...event, family: requireFamily(family), table };
    }
    case "chain": {
      const { family, table = "", name } = decode(chainEvent, payload);
      return { ...event, family: requireFamily(family), table, name };
    }
    case "rule": {
      const { family, table = "", name, handle } = decode(ruleEvent, payload);
      return { ...event, family: requireFamily(family), table, name, handle };
    }
    default: {
      const { family, table = "", name } = decode(namedEvent, payload);
      return { ...event, family: requireFamily(family), table, name };
    }
  }
}
