/** A packet as nf_tables sees it: the headers that `payload` reads, and the keys of `meta`, `ct` and `fib`. */
import { u16host, u32host } from "#base/codec/values.ts";
import { addressBytes, familyOf } from "#base/ip-address.ts";
import type { Expression } from "#kernel/nfnetlink/expression.ts";
import { NFPROTO } from "#kernel/nfnetlink/nfnetlink.ts";
import { routeTypes } from "#kernel/rtnetlink/route-messages.ts";
import { findLinkByName, type NamespaceFacts } from "../facts/world-facts.ts";
import { ipHeaderBytes, type Packet } from "./packet.ts";
import { routeFor } from "./route-for.ts";

/** A packet at a hook. */
export interface NftPacket {
  readonly namespace: NamespaceFacts;
  readonly packet: Packet;
  /** Names of links; undefined where the hook has none. */
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  /** Which one of several targets a translation takes, where the kernel takes one by chance; default: the first. */
  readonly choice?: number | undefined;
}

/** IPPROTO_… of include/uapi/linux/in.h */
const PROTOCOLS = { 4: { tcp: 6, udp: 17, icmp: 1 }, 6: { tcp: 6, udp: 17, icmp: 58 } } as const;
const ETHER_TYPES = { 4: 0x0800, 6: 0x86dd } as const;
const IFNAMSIZ = 16;
/** NF_CT_STATE_BIT(IP_CT_NEW): the first packet of a connection. */
const CT_STATE_NEW = 8;
/** NF_CT_STATE_BIT(IP_CT_ESTABLISHED) */
const CT_STATE_ESTABLISHED = 2;
const LINK_HEADER_BYTES = 14;
const TRANSPORT_BYTES = 20;
const TCP_SYN = 0x02;
const TCP_SYN_ACK = 0x12;

/** Undefined: this program does not know. */
export function payloadBytes(at: NftPacket, expression: Expression & { kind: "payload" }): Buffer | undefined {
  const { base, offset, len } = expression;
  const headers = {
    link: linkHeader(at),
    network: networkHeader(at),
    transport: transportHeader(at),
    inner: undefined,
  };
  const header = headers[base as keyof typeof headers];
  if (header === undefined || offset + len > header.length) return undefined;
  return header.subarray(offset, offset + len);
}

export function metaBytes({ namespace, packet, iif, oif }: NftPacket, key: string | number): Buffer | undefined {
  const family = familyOf(packet.destination);
  const ifindex = (name: string | undefined) =>
    host32(name === undefined ? 0 : (findLinkByName(namespace, name)?.ifindex ?? 0));
  switch (key) {
    case "iifname":
      return nameBytes(iif);
    case "oifname":
      return nameBytes(oif);
    case "iif":
      return ifindex(iif);
    case "oif":
      return ifindex(oif);
    case "nfproto":
      return Buffer.of(family === 4 ? NFPROTO.ip : NFPROTO.ip6);
    case "l4proto":
      return Buffer.of(PROTOCOLS[family][packet.protocol]);
    case "protocol": {
      const bytes = Buffer.alloc(2);
      bytes.writeUInt16BE(ETHER_TYPES[family]);
      return bytes;
    }
    case "len":
      return host32(packet.bytes);
    case "pkttype":
      return host32(0);
    default:
      return undefined;
  }
}

/** A connection that nothing has translated. */
export function ctBytes({ packet }: NftPacket, key: string | number): Buffer | undefined {
  switch (key) {
    case "state":
      return host32(packet.isAnswer === true ? CT_STATE_ESTABLISHED : CT_STATE_NEW);
    case "status":
    case "mark":
      return host32(0);
    case "ip saddr":
    case "ip6 saddr":
      return Buffer.from(addressBytes(packet.source));
    case "ip daddr":
    case "ip6 daddr":
      return Buffer.from(addressBytes(packet.destination));
    case "proto-dst":
      return port(packet.destinationPort);
    case "proto-src":
      return port(packet.sourcePort);
    default:
      return undefined;
  }
}

/** The type of an address; `fib … oif` is not known here. */
export function fibBytes(
  { namespace, packet }: NftPacket,
  expression: Expression & { kind: "fib" },
): Buffer | undefined {
  if (expression.result !== "type") return undefined;
  const destination = expression.flags.includes("daddr") ? packet.destination : packet.source;
  return host32(routeTypes[routeFor(namespace, { destination })?.type ?? "unspecified"]);
}

function linkHeader({ packet }: NftPacket): Buffer {
  const header = Buffer.alloc(LINK_HEADER_BYTES);
  header.writeUInt16BE(ETHER_TYPES[familyOf(packet.destination)], 12);
  return header;
}

function networkHeader({ packet }: NftPacket): Buffer {
  const family = familyOf(packet.destination);
  const header = Buffer.alloc(ipHeaderBytes(family));
  const protocol = PROTOCOLS[family][packet.protocol];
  if (family === 4) {
    header.writeUInt8(0x45, 0);
    header.writeUInt16BE(packet.bytes, 2);
    header.writeUInt8(64, 8);
    header.writeUInt8(protocol, 9);
  } else {
    header.writeUInt8(0x60, 0);
    header.writeUInt16BE(Math.max(0, packet.bytes - header.length), 4);
    header.writeUInt8(protocol, 6);
    header.writeUInt8(64, 7); // hop limit
  }
  header.set(addressBytes(packet.source), family === 4 ? 12 : 8);
  header.set(addressBytes(packet.destination), family === 4 ? 16 : 24);
  return header;
}

function transportHeader({ packet }: NftPacket): Buffer {
  const header = Buffer.alloc(TRANSPORT_BYTES);
  if (packet.protocol === "icmp") header.writeUInt8(familyOf(packet.destination) === 4 ? 8 : 128, 0);
  else {
    header.writeUInt16BE(packet.sourcePort ?? 0, 0);
    header.writeUInt16BE(packet.destinationPort ?? 0, 2);
    if (packet.protocol === "tcp") header.writeUInt8(packet.isAnswer === true ? TCP_SYN_ACK : TCP_SYN, 13);
  }
  return header;
}

function nameBytes(name = ""): Buffer {
  const bytes = Buffer.alloc(IFNAMSIZ);
  bytes.write(name);
  return bytes;
}

function port(value = 0): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function host32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  u32host.write(bytes, 0, value);
  return bytes;
}

/** Turns every `size` bytes round: what `byteorder` does on a machine that is little endian. */
export function swapped(bytes: Buffer, size: number): Buffer {
  if (u16host.read(Buffer.of(0, 1), 0, 2) === 1) return Buffer.from(bytes);
  const result = Buffer.from(bytes);
  for (let at = 0; at + size <= result.length; at += size) result.subarray(at, at + size).reverse();
  return result;
}
