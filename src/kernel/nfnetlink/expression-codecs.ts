/**
 * One codec per kind of nf_tables expression: the instructions that a rule is made of. They pass values through
 * registers: `dreg` is where a result goes, `sreg` where an operand comes from (NFT_REG_…, see nf-tables.ts).
 * Source: include/uapi/linux/netfilter/nf_tables.h and nf_tables_compat.h, Linux 6.1.
 */
import { cString, rawBytes, u8, u16be, u32be } from "#base/codec/values.ts";
import { attribute, attributes } from "../netlink/attributes.ts";
import { nftData, nftValue } from "./data.ts";
import { NFPROTO, requiring, u64number } from "./nfnetlink.ts";
import { word, wordFlags } from "./words.ts";

export const META_KEYS = {
  len: 0,
  protocol: 1,
  priority: 2,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  iiftype: 8,
  oiftype: 9,
  skuid: 10,
  skgid: 11,
  nftrace: 12,
  rtclassid: 13,
  nfproto: 15,
  l4proto: 16,
  ibrname: 17,
  obrname: 18,
  pkttype: 19,
  cpu: 20,
  iifgroup: 21,
  oifgroup: 22,
  cgroup: 23,
  random: 24,
  ipsec: 25,
  iifkind: 26,
  oifkind: 27,
} as const;

export const CT_KEYS = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  secmark: 4,
  expiration: 5,
  helper: 6,
  l3proto: 7,
  src: 8,
  dst: 9,
  protocol: 10,
  "proto-src": 11,
  "proto-dst": 12,
  label: 13,
  packets: 14,
  bytes: 15,
  avgpkt: 16,
  zone: 17,
  event: 18,
  "ip saddr": 19,
  "ip daddr": 20,
  "ip6 saddr": 21,
  "ip6 daddr": 22,
  id: 23,
} as const;

const COMPARISONS = { "==": 0, "!=": 1, "<": 2, "<=": 3, ">": 4, ">=": 5 } as const;
/** NF_NAT_RANGE_…, include/uapi/linux/netfilter/nf_nat.h. The kernel adds the first two by itself. */
const NAT_FLAGS = {
  "map-ips": 1,
  "proto-specified": 2,
  random: 4,
  persistent: 8,
  "fully-random": 16,
  netmap: 64,
} as const;
const LOG_LEVELS = { emerg: 0, alert: 1, crit: 2, err: 3, warn: 4, notice: 5, info: 6, debug: 7, audit: 8 } as const;

/** Loads `key` to `dreg`, or sets it from `sreg`. */
export const meta = requiring(
  "meta",
  attributes({
    key: attribute(2, word(u32be, META_KEYS)),
    dreg: attribute(1, u32be),
    sreg: attribute(3, u32be),
  }),
  "key",
);

/** Bytes of the packet: loaded to `dreg`, or written from `sreg` (then with a checksum to mend). */
export const payload = requiring(
  "payload",
  attributes({
    dreg: attribute(1, u32be),
    sreg: attribute(5, u32be),
    base: attribute(2, word(u32be, { link: 0, network: 1, transport: 2, inner: 3 })),
    offset: attribute(3, u32be),
    len: attribute(4, u32be),
    csumType: attribute(6, word(u32be, { none: 0, inet: 1, sctp: 2 })),
    csumOffset: attribute(7, u32be),
    csumFlags: attribute(8, wordFlags(u32be, { pseudohdr: 1 })),
  }),
  "base",
  "offset",
  "len",
);

/** Ends the rule unless the comparison holds. Data shorter than a register compares a prefix. */
export const cmp = requiring(
  "cmp",
  attributes({
    sreg: attribute(1, u32be),
    op: attribute(2, word(u32be, COMPARISONS)),
    data: attribute(3, nftValue),
  }),
  "sreg",
  "op",
  "data",
);

export const range = requiring(
  "range",
  attributes({
    sreg: attribute(1, u32be),
    op: attribute(2, word(u32be, { "==": 0, "!=": 1 })),
    from: attribute(3, nftValue),
    to: attribute(4, nftValue),
  }),
  "sreg",
  "op",
  "from",
  "to",
);

/** dreg = (sreg & mask) ^ xor, or a shift by `data`. */
export const bitwise = requiring(
  "bitwise",
  attributes({
    sreg: attribute(1, u32be),
    dreg: attribute(2, u32be),
    op: attribute(6, word(u32be, { "mask-xor": 0, "<<": 1, ">>": 2 })),
    len: attribute(3, u32be),
    mask: attribute(4, nftValue),
    xor: attribute(5, nftValue),
    data: attribute(7, nftValue),
  }),
  "sreg",
  "dreg",
  "len",
);

export const byteorder = requiring(
  "byteorder",
  attributes({
    sreg: attribute(1, u32be),
    dreg: attribute(2, u32be),
    op: attribute(3, word(u32be, { ntoh: 0, hton: 1 })),
    len: attribute(4, u32be),
    size: attribute(5, u32be),
  }),
  "sreg",
  "dreg",
  "op",
  "len",
  "size",
);

/** Without `dreg` a membership test; with it a map: `dreg` 0 takes the verdict. */
export const lookup = requiring(
  "lookup",
  attributes({
    sreg: attribute(2, u32be),
    dreg: attribute(3, u32be),
    set: attribute(1, cString),
    setId: attribute(4, u32be),
    flags: attribute(5, wordFlags(u32be, { inverted: 1 })),
  }),
  "set",
  "sreg",
);

/** Bytes to a register, or a verdict to register 0. */
export const immediate = requiring(
  "immediate",
  attributes({ dreg: attribute(1, u32be), data: attribute(2, nftData) }),
  "dreg",
  "data",
);

/** Addresses and ports are in registers; `…Max` make ranges of them. */
export const nat = requiring(
  "nat",
  attributes({
    type: attribute(1, word(u32be, { snat: 0, dnat: 1 })),
    family: attribute(2, word(u32be, { ip: NFPROTO.ip, ip6: NFPROTO.ip6 })),
    addrMin: attribute(3, u32be),
    addrMax: attribute(4, u32be),
    protoMin: attribute(5, u32be),
    protoMax: attribute(6, u32be),
    flags: attribute(7, wordFlags(u32be, NAT_FLAGS)),
  }),
  "type",
  "family",
);

export const masq = attributes({
  flags: attribute(1, wordFlags(u32be, NAT_FLAGS)),
  protoMin: attribute(2, u32be),
  protoMax: attribute(3, u32be),
});

export const redir = attributes({
  protoMin: attribute(1, u32be),
  protoMax: attribute(2, u32be),
  flags: attribute(3, wordFlags(u32be, NAT_FLAGS)),
});

/** Asks the routing table: type of an address (RTN_…, 4 bytes), or the interface towards it. */
export const fib = requiring(
  "fib",
  attributes({
    flags: attribute(3, wordFlags(u32be, { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16, check: 32 })),
    result: attribute(2, word(u32be, { oif: 1, oifname: 2, type: 3 })),
    dreg: attribute(1, u32be),
  }),
  "flags",
  "result",
  "dreg",
);

/** Loads a field of the connection to `dreg`, or sets it from `sreg`. */
export const ct = requiring(
  "ct",
  attributes({
    key: attribute(2, word(u32be, CT_KEYS)),
    dreg: attribute(1, u32be),
    direction: attribute(3, word(u8, { original: 0, reply: 1 })),
    sreg: attribute(4, u32be),
  }),
  "key",
);

export const counter = attributes({ bytes: attribute(1, u64number), packets: attribute(2, u64number) });

/** `rate` per `unit` seconds; `burst` packets more, or bytes more. `over` matches what exceeds the rate. */
export const limit = requiring(
  "limit",
  attributes({
    rate: attribute(1, u64number),
    unit: attribute(2, u64number),
    burst: attribute(3, u32be),
    type: attribute(4, word(u32be, { packets: 0, bytes: 1 })),
    flags: attribute(5, wordFlags(u32be, { over: 1 })),
  }),
  "rate",
  "unit",
);

/** To the kernel's log (`level`), or to the listeners of an NFLOG `group`. */
export const log = attributes({
  prefix: attribute(2, cString),
  group: attribute(1, u16be),
  snaplen: attribute(3, u32be),
  qthreshold: attribute(4, u16be),
  level: attribute(5, word(u32be, LOG_LEVELS)),
  flags: attribute(6, u32be),
});

/** `code`: of ICMP or ICMPv6; for icmpx 0 no-route, 1 port-unreachable, 2 host-unreachable, 3 admin-prohibited. */
export const reject = requiring(
  "reject",
  attributes({
    type: attribute(1, word(u32be, { icmp: 0, "tcp reset": 1, icmpx: 2 })),
    code: attribute(2, u8),
  }),
  "type",
);

/** `random`, or counting up: 0 … modulus - 1, plus `offset`. */
export const numgen = requiring(
  "numgen",
  attributes({
    dreg: attribute(1, u32be),
    modulus: attribute(2, u32be),
    type: attribute(3, word(u32be, { inc: 0, random: 1 })),
    offset: attribute(4, u32be),
  }),
  "dreg",
  "modulus",
  "type",
);

export const hash = requiring(
  "hash",
  attributes({
    sreg: attribute(1, u32be),
    dreg: attribute(2, u32be),
    len: attribute(3, u32be),
    modulus: attribute(4, u32be),
    seed: attribute(5, u32be),
    offset: attribute(6, u32be),
    type: attribute(7, word(u32be, { jhash: 0, symhash: 1 })),
  }),
  "dreg",
  "modulus",
);

/** A named counter or other object, by name or by a map. */
export const objref = attributes({
  type: attribute(1, u32be),
  name: attribute(2, cString),
  sreg: attribute(3, u32be),
  set: attribute(4, cString),
  setId: attribute(5, u32be),
});

export const notrack = attributes({});

/** Extensions of iptables inside nf_tables: `info` is the extension's C struct, in the host's byte order. */
export const match = requiring(
  "match",
  attributes({ name: attribute(1, cString), rev: attribute(2, u32be), info: attribute(3, rawBytes) }),
  "name",
);
export const target = match;
