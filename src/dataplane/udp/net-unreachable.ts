/**
 * The answer to a packet that no node wants: ICMP "network unreachable", or ICMPv6 "no route to destination". Pure.
 * Source: RFC 792, RFC 4443 section 3.1; RFC 1122 section 3.2.2 for what is never answered.
 */
import { internetChecksum, type PacketHeader } from "./ip-packet.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const DESTINATION_UNREACHABLE = { 4: 3, 6: 1 } as const;
const TTL = 64;
const ICMP_HEADER_BYTES = 8;
const IPV6_HEADER_BYTES = 40;
/** RFC 4443 section 2.4 (c): as much of the packet as fits the minimum MTU. */
const IPV6_MINIMUM_MTU = 1280;

/** Undefined for packets that must not be answered. `own` is the address of this node on the link, in bytes. */
export function netUnreachable(packet: Buffer, header: PacketHeader, own: Uint8Array): Buffer | undefined {
  if (!isAnswered(packet, header)) return undefined;
  return header.family === 4 ? icmp4(packet, header, own) : icmp6(packet, header, own);
}

function isAnswered(packet: Buffer, { family, headerBytes, source, destination, protocol }: PacketHeader): boolean {
  const isMulticast = family === 4 ? (destination[0] ?? 0) >= 224 : destination[0] === 0xff;
  if (isMulticast || source.every((byte) => byte === 0)) return false;
  const isFragment = family === 4 && (packet.readUInt16BE(6) & 0x1fff) !== 0;
  if (isFragment) return false;
  const type = packet[headerBytes] ?? 0;
  // Of ICMP, echo requests only; of ICMPv6, whatever is no error.
  if (family === 4) return protocol !== IPPROTO_ICMP || type === 8;
  return protocol !== IPPROTO_ICMPV6 || type >= 128;
}

function icmp4(packet: Buffer, { headerBytes, source }: PacketHeader, own: Uint8Array): Buffer {
  const quote = packet.subarray(0, headerBytes + 8);
  const icmp = icmpHeader(DESTINATION_UNREACHABLE[4]);
  icmp.writeUInt16BE(internetChecksum(icmp, quote), 2);
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(ip.length + icmp.length + quote.length, 2);
  ip.writeUInt8(TTL, 8);
  ip.writeUInt8(IPPROTO_ICMP, 9);
  ip.set(own, 12);
  ip.set(source, 16);
  ip.writeUInt16BE(internetChecksum(ip), 10);
  return Buffer.concat([ip, icmp, quote]);
}

function icmp6(packet: Buffer, { source }: PacketHeader, own: Uint8Array): Buffer {
  const quote = packet.subarray(0, IPV6_MINIMUM_MTU - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES);
  const icmp = icmpHeader(DESTINATION_UNREACHABLE[6]);
  const ip = Buffer.alloc(IPV6_HEADER_BYTES);
  ip.writeUInt8(0x60, 0);
  ip.writeUInt16BE(icmp.length + quote.length, 4);
  ip.writeUInt8(IPPROTO_ICMPV6, 6);
  ip.writeUInt8(TTL, 7);
  ip.set(own, 8);
  ip.set(source, 24);
  // Pseudo header, RFC 8200 section 8.1: addresses, length, next header.
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(icmp.length + quote.length, 0);
  rest.writeUInt8(IPPROTO_ICMPV6, 7);
  icmp.writeUInt16BE(internetChecksum(ip.subarray(8, 40), rest, icmp, quote), 2);
  return Buffer.concat([ip, icmp, quote]);
}

function icmpHeader(type: number): Buffer {
  const header = Buffer.alloc(ICMP_HEADER_BYTES);
  header.writeUInt8(type, 0);
  return header;
}
