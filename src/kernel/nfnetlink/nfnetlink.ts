/**
 * nfnetlink: the netlink family of netfilter. A message type is {subsystem u8, operation u8}; every message starts
 * with `struct nfgenmsg`. Attributes are big-endian, unlike rtnetlink's.
 * Source: include/uapi/linux/netfilter/nfnetlink.h and include/uapi/linux/netfilter.h (NFPROTO_), Linux 6.1.
 */
import { type Codec, DecodeError, type ValueOf } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { mapped, u8, u16be, u32be, u64be } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes, markNested } from "../netlink/attributes.ts";
import { word } from "./words.ts";

export const NFNL_SUBSYS_CTNETLINK = 1;
export const NFNL_SUBSYS_ULOG = 4;
export const NFNL_SUBSYS_NFTABLES = 10;

/** Transactions stand between these two; the resource id of both names the subsystem. */
export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
const NFNL_BATCH_GENID = 1;

export const NFNLGRP_CONNTRACK_NEW = 1;
export const NFNLGRP_CONNTRACK_UPDATE = 2;
export const NFNLGRP_CONNTRACK_DESTROY = 3;
export const NFNLGRP_NFTABLES = 7;
export const NFNLGRP_NFTRACE = 9;

/** Address families in the words of `nft`: NFPROTO_INET = 1, NFPROTO_IPV4 = 2, … */
export const NFPROTO = { unspec: 0, inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;
export type NftFamily = Exclude<keyof typeof NFPROTO, "unspec">;

export const nfgenmsg = struct("nfgenmsg", {
  family: word(u8, NFPROTO),
  version: u8,
  resourceId: u16be,
});

/** NFNETLINK_V0 */
export const NFNETLINK_V0 = 0;

export function header(family: NftFamily | "unspec" | number): ValueOf<typeof nfgenmsg> {
  return { family, version: NFNETLINK_V0, resourceId: 0 };
}

/** A family that `nft` has a word for; messages of others are not ours to read. */
export function requireFamily(family: string | number): NftFamily {
  for (const name of FAMILIES) if (name === family) return name;
  throw new DecodeError("nfgenmsg", 0, `family ${family} is unknown`);
}
const FAMILIES = ["inet", "ip", "arp", "netdev", "bridge", "ip6"] as const satisfies readonly NftFamily[];

export const batchMessage = headerAndAttributes(
  nfgenmsg,
  attributes({
    /** The transaction fails with ERESTART when the ruleset has another generation by then. Since Linux 4.12. */
    generation: attribute(NFNL_BATCH_GENID, u32be),
  }),
);

/** 64 bits on the wire, of which handles, timeouts and counters never use more than 53. */
export const u64number = mapped(u64be, Number, BigInt);

/**
 * The same attributes, some of which have to be there: a missing one is a DecodeError, and the type knows it.
 * Netlink itself has no such notion; the kernel answers EINVAL where it misses one.
 */
export function requiring<T extends object, const K extends keyof T>(
  what: string,
  codec: Codec<T>,
  ...names: readonly K[]
): Codec<Required<T, K>> {
  return markNested<Codec<Required<T, K>>>({
    size: (value) => codec.size(value),
    write(bytes, offset, value) {
      codec.write(bytes, offset, value);
    },
    read(bytes, offset, end) {
      const value = codec.read(bytes, offset, end);
      for (const name of names) {
        if (value[name] === undefined) throw new DecodeError(what, offset, `no attribute "${String(name)}"`);
      }
      return value as Required<T, K>; // the loop has just established it
    },
  });
}

type Required<T, K extends keyof T> = T & { readonly [N in K]-?: Exclude<T[N], undefined> };
