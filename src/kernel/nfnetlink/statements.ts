/**
 * Parts of rules that read like `nft`: each function is one condition or one action, as expressions.
 * `rule(matchFamily("ip"), vmap([ipSaddr], "masq4"))` is `ip saddr vmap @masq4` in a table of family inet.
 * Conditions use register 1 and those behind it, and are done with them when they end.
 */
import { encode } from "#base/codec/codec.ts";
import { u16be, u32host } from "#base/codec/values.ts";
import { pad4 } from "./data-type.ts";
import type { Expression } from "./expression.ts";
import * as nf from "./nf-tables.ts";
import { NFPROTO } from "./nfnetlink.ts";
import { ctState, l4proto, mark, nfproto, type Selector } from "./selectors.ts";

export type Statement = readonly Expression[];
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** IPPROTO_ of include/uapi/linux/in.h */
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;
export type L4Protocol = keyof typeof PROTOCOLS;
/** RTN_ of include/uapi/linux/rtnetlink.h */
const ADDRESS_TYPES = { unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5 } as const;
/** NF_CT_STATE_BIT of include/uapi/linux/netfilter/nf_conntrack_common.h */
const CT_STATES = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;

/** Expressions of a rule, from its parts. */
export function rule(...statements: readonly Statement[]): readonly Expression[] {
  return statements.flat();
}

/** `ip daddr 10.1.0.5`, `th dport != 80`: `data` as the selector gives it. */
export function match(selector: Selector, op: Comparison, data: Uint8Array): Statement {
  return [selector.load(nf.NFT_REG_1), { kind: "cmp", sreg: nf.NFT_REG_1, op, data }];
}

/** `ip daddr 10.1.0.0/16`; host bits of the address do not count. Length 0 is true always (or never). */
export function matchPrefix(selector: Selector, op: "==" | "!=", address: Uint8Array, length: number): Statement {
  const mask = prefixMask(address.length, length);
  return matchMasked(
    selector,
    op,
    mask,
    address.map((byte, index) => byte & (mask[index] ?? 0)),
  );
}

/** `meta mark & 0x2000 == 0x2000`, for selectors of 4 bytes in the host's order. */
export function matchBits(selector: Selector, op: "==" | "!=", mask: number, value: number): Statement {
  return matchMasked(selector, op, hostU32(mask), hostU32(value));
}

function matchMasked(selector: Selector, op: "==" | "!=", mask: Uint8Array, data: Uint8Array): Statement {
  const sreg = nf.NFT_REG_1;
  const xor = new Uint8Array(mask.length);
  return [
    selector.load(sreg),
    { kind: "bitwise", sreg, dreg: sreg, len: selector.bytes, mask, xor },
    { kind: "cmp", sreg, op, data },
  ];
}

/** `meta nfproto ipv4`: needed before IPv4 or IPv6 fields in the families inet and bridge. */
export function matchFamily(family: "ip" | "ip6"): Statement {
  return match(nfproto, "==", Uint8Array.of(NFPROTO[family]));
}

/** `meta l4proto tcp` */
export function matchL4proto(protocol: L4Protocol): Statement {
  return match(l4proto, "==", Uint8Array.of(PROTOCOLS[protocol]));
}

/** `iifname "eth0"`; a `*` at the end stands for any rest. */
export function matchName(selector: Selector, op: "==" | "!=", name: string): Statement {
  const isPrefix = name.endsWith("*");
  const data = new Uint8Array(isPrefix ? name.length - 1 : selector.bytes);
  data.set(Buffer.from(isPrefix ? name.slice(0, -1) : name));
  return match(selector, op, data);
}

/** `fib daddr type local` */
export function matchAddressType(selector: Selector, type: keyof typeof ADDRESS_TYPES): Statement {
  return match(selector, "==", hostU32(ADDRESS_TYPES[type]));
}

/** `ct state established,related` */
export function matchCtState(...states: readonly (keyof typeof CT_STATES)[]): Statement {
  const bits = states.reduce<number>((sum, state) => sum | CT_STATES[state], 0);
  return matchBits(ctState, "!=", bits, 0);
}

/** `ip saddr . th dport @set`, or `!= @set`. */
export function inSet(selectors: readonly Selector[], set: string, op: "==" | "!=" = "=="): Statement {
  return [
    ...loadConcat(selectors),
    { kind: "lookup", set, sreg: nf.NFT_REG_1, ...(op === "!=" && { flags: ["inverted"] as const }) },
  ];
}

/** `ip saddr vmap @map`: the verdict of the map ends the rule; without an element the rule goes on to the next. */
export function vmap(selectors: readonly Selector[], set: string): Statement {
  return [...loadConcat(selectors), { kind: "lookup", set, sreg: nf.NFT_REG_1, dreg: nf.NFT_REG_VERDICT }];
}

/** `dnat ip to meta l4proto . th dport map @map`, for maps to `ipv4_addr . inet_service`, or the same with IPv6. */
export function dnatMap(family: "ip" | "ip6", selectors: readonly Selector[], set: string): Statement {
  const addressBytes = family === "ip" ? 4 : 16;
  return [
    ...loadConcat(selectors),
    { kind: "lookup", set, sreg: nf.NFT_REG_1, dreg: nf.NFT_REG_1 },
    { kind: "nat", type: "dnat", family, addrMin: nf.NFT_REG_1, protoMin: registerAt(addressBytes) },
  ];
}

/** `dnat ip to 10.1.0.5:80`; the port needs a `matchL4proto` before. */
export function dnat(family: "ip" | "ip6", address: Uint8Array, port?: number): Statement {
  return natTo("dnat", family, address, port);
}

/** `snat ip to 192.0.2.1` */
export function snat(family: "ip" | "ip6", address: Uint8Array, port?: number): Statement {
  return natTo("snat", family, address, port);
}

function natTo(type: "snat" | "dnat", family: "ip" | "ip6", address: Uint8Array, port: number | undefined): Statement {
  const load = { kind: "immediate", dreg: nf.NFT_REG_1, data: address } as const;
  const nat = { kind: "nat", type, family, addrMin: nf.NFT_REG_1 } as const;
  if (port === undefined) return [load, nat];
  return [
    load,
    { kind: "immediate", dreg: nf.NFT_REG_2, data: bigEndianU16(port) },
    { ...nat, protoMin: nf.NFT_REG_2 },
  ];
}

/** `masquerade`, `masquerade fully-random` */
export function masquerade(...flags: readonly ("random" | "fully-random" | "persistent")[]): Statement {
  return [{ kind: "masq", ...(flags.length > 0 && { flags }) }];
}

/** `meta mark set meta mark or 0x2000` */
export function setMarkBits(bits: number): Statement {
  const register = nf.NFT_REG_1;
  const mask = hostU32(~bits >>> 0);
  return [
    mark.load(register),
    { kind: "bitwise", sreg: register, dreg: register, len: mark.bytes, mask, xor: hostU32(bits) },
    { kind: "meta", key: "mark", sreg: register },
  ];
}

/** `meta mark set meta mark and 0xffffdfff`: takes these bits away. */
export function clearMarkBits(bits: number): Statement {
  const register = nf.NFT_REG_1;
  const mask = hostU32(~bits >>> 0);
  return [
    mark.load(register),
    { kind: "bitwise", sreg: register, dreg: register, len: mark.bytes, mask, xor: hostU32(0) },
    { kind: "meta", key: "mark", sreg: register },
  ];
}

/** `th dport 80-90`, for selectors in network order. */
export function matchRange(selector: Selector, from: Uint8Array, to: Uint8Array): Statement {
  return [selector.load(nf.NFT_REG_1), { kind: "range", sreg: nf.NFT_REG_1, op: "==", from, to }];
}

/** `tcp flags & 0x17 == 0x02`, for selectors of one byte. */
export function matchByte(selector: Selector, op: "==" | "!=", mask: number, value: number): Statement {
  return matchMasked(selector, op, Uint8Array.of(mask), Uint8Array.of(value));
}

/** `limit rate 100/second burst 50 packets`: the rule ends where there are more. */
export function limitRate(perSecond: number, burst: number): Statement {
  return [{ kind: "limit", rate: perSecond, unit: 1, burst, type: "packets", flags: [] }];
}

/** `counter` */
export function counter(): Statement {
  return [{ kind: "counter", bytes: 0, packets: 0 }];
}

/** `log prefix "deny: " group 5`: to the listeners of an NFLOG group, or to the kernel's log without one. */
export function log(prefix: string, group?: number): Statement {
  return [{ kind: "log", prefix, ...(group !== undefined && { group }) }];
}

/** `reject with tcp reset` (needs `matchL4proto("tcp")`), or `reject with icmpx port-unreachable`. */
export function reject(how: "tcp reset" | "port-unreachable" | "admin-prohibited"): Statement {
  if (how === "tcp reset") return [{ kind: "reject", type: how, code: 0 }];
  return [{ kind: "reject", type: "icmpx", code: how === "port-unreachable" ? 1 : 3 }];
}

/** `accept`, `drop`, `return` */
export function verdict(code: "accept" | "drop" | "return"): Statement {
  return [{ kind: "immediate", dreg: nf.NFT_REG_VERDICT, data: { verdict: code } }];
}

/** `jump chain`: comes back behind the chain's last rule. */
export function jump(chain: string): Statement {
  return [{ kind: "immediate", dreg: nf.NFT_REG_VERDICT, data: { verdict: "jump", chain } }];
}

/** `goto chain`: does not come back to this chain. */
export function goto(chain: string): Statement {
  return [{ kind: "immediate", dreg: nf.NFT_REG_VERDICT, data: { verdict: "goto", chain } }];
}

/** Loads the parts of a key behind each other, from register 1 or `startBytes` behind its start. */
export function loadConcat(selectors: readonly Selector[], startBytes = 0): readonly Expression[] {
  let at = startBytes;
  return selectors.map(({ bytes, load }) => {
    const expression = load(registerAt(at));
    at += pad4(bytes);
    return expression;
  });
}

/** The register that starts `bytes` behind the start of register 1. */
export function registerAt(bytes: number): number {
  return bytes === 0 ? nf.NFT_REG_1 : nf.NFT_REG32_00 + bytes / nf.NFT_REG32_SIZE;
}

function prefixMask(bytes: number, length: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8));
    return (0xff << (8 - bits)) & 0xff;
  });
}

function hostU32(value: number): Uint8Array {
  return encode(u32host, value);
}

function bigEndianU16(value: number): Uint8Array {
  return encode(u16be, value);
}
