/**
 * What a rule can look at, in the words of `nft`: `ipSaddr` is `ip saddr`. A selector knows how many bytes it gives and
 * how to load them into a register; statements.ts makes rules of them. Nothing here adds a condition by itself: in the
 * families inet and bridge a rule says `matchFamily("ip")` before it looks at IPv4 fields, as `nft` does silently.
 * Source: header layouts of RFC 791, RFC 8200, RFC 9293 and RFC 768; NFT_META_ and NFT_CT_ of nf_tables.h, Linux 6.1.
 */
import type { Expression } from "./expression.ts";

export interface Selector {
  readonly bytes: number;
  readonly load: (dreg: number) => Expression;
}

/** `ip saddr`: 4 bytes in network order. */
export const ipSaddr = payload("network", 12, 4);
/** `ip daddr` */
export const ipDaddr = payload("network", 16, 4);
/** `ip6 saddr`: 16 bytes in network order. */
export const ip6Saddr = payload("network", 8, 16);
/** `ip6 daddr` */
export const ip6Daddr = payload("network", 24, 16);
/** `th sport`: source port of TCP, UDP or SCTP; needs `matchL4proto` or a key with `l4proto`. */
export const thSport = payload("transport", 0, 2);
/** `th dport` */
export const thDport = payload("transport", 2, 2);
/** `ether saddr` */
export const etherSaddr = payload("link", 6, 6);
/** `ether type` */
export const etherType = payload("link", 12, 2);
/** `arp saddr ether` */
export const arpSaddrEther = payload("network", 8, 6);
/** `arp saddr ip`, for ARP about IPv4 on Ethernet. */
export const arpSaddrIp = payload("network", 14, 4);
/** `ip6 hoplimit` */
export const ip6Hoplimit = payload("network", 7, 1);
/** `icmpv6 type` */
export const icmpv6Type = payload("transport", 0, 1);
/** `icmpv6 taddr`: what a neighbour solicitation or advertisement is about. */
export const icmpv6Taddr = payload("transport", 8, 16);
/** `tcp flags` */
export const tcpFlags = payload("transport", 13, 1);
/** Type of an SCTP packet's first chunk: 1 INIT. */
export const sctpFirstChunk = payload("transport", 12, 1);

/** `meta nfproto`: 2 IPv4, 10 IPv6. */
export const nfproto = meta("nfproto", 1);
/** `meta l4proto`: IPPROTO_…, 1 byte. */
export const l4proto = meta("l4proto", 1);
/** `meta mark`: 4 bytes in the host's order. */
export const mark = meta("mark", 4);
/** `iifname`: 16 bytes, padded with NUL. */
export const iifname = meta("iifname", 16);
/** `oifname` */
export const oifname = meta("oifname", 16);

/** `fib daddr type`: RTN_… in 4 bytes of the host's order. */
export const fibDaddrType = fibType("daddr");
/** `fib saddr type` */
export const fibSaddrType = fibType("saddr");

/** `ct state`: bits in 4 bytes of the host's order. */
export const ctState = ct("state", 4);
/** `ct status` */
export const ctStatus = ct("status", 4);
/** `ct mark` */
export const ctMark = ct("mark", 4);
/** `ct original ip daddr`: where the connection went before any translation. */
export const ctOriginalIpDaddr = ctOriginal("ip daddr", 4);
/** `ct original ip6 daddr` */
export const ctOriginalIp6Daddr = ctOriginal("ip6 daddr", 16);
/** `ct original proto-dst`: the port it went to before any translation. */
export const ctOriginalProtoDst = ctOriginal("proto-dst", 2);

function payload(base: "link" | "network" | "transport", offset: number, bytes: number): Selector {
  return { bytes, load: (dreg) => ({ kind: "payload", base, offset, len: bytes, dreg }) };
}

function meta(key: "nfproto" | "l4proto" | "mark" | "iifname" | "oifname", bytes: number): Selector {
  return { bytes, load: (dreg) => ({ kind: "meta", key, dreg }) };
}

function fibType(flag: "saddr" | "daddr"): Selector {
  return { bytes: 4, load: (dreg) => ({ kind: "fib", flags: [flag], result: "type", dreg }) };
}

function ct(key: "state" | "status" | "mark", bytes: number): Selector {
  return { bytes, load: (dreg) => ({ kind: "ct", key, dreg }) };
}

function ctOriginal(key: "ip daddr" | "ip6 daddr" | "proto-dst", bytes: number): Selector {
  return { bytes, load: (dreg) => ({ kind: "ct", key, direction: "original", dreg }) };
}
