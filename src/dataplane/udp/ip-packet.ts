/**
 * The few fields of an IP packet that a router between two nodes reads and writes. Pure; every length is checked.
 * Source: RFC 791 section 3.1, RFC 8200 section 3; RFC 1624 (checksum after a change).
 */
import type { Family } from "#base/ip-address.ts";

export interface PacketHeader {
  readonly family: Family;
  readonly headerBytes: number;
  readonly source: Buffer;
  readonly destination: Buffer;
  /** Time to live, or hop limit. */
  readonly ttl: number;
  /** Protocol, or next header. */
  readonly protocol: number;
}

const IPV4_HEADER_BYTES = 20;
const IPV6_HEADER_BYTES = 40;

/** Undefined for what is no whole IP packet. The addresses are views. */
export function readPacket(packet: Buffer): PacketHeader | undefined {
  const version = (packet[0] ?? 0) >> 4;
  if (version === 4) return readIpv4(packet);
  return version === 6 ? readIpv6(packet) : undefined;
}

function readIpv4(packet: Buffer): PacketHeader | undefined {
  if (packet.length < IPV4_HEADER_BYTES) return undefined;
  const headerBytes = (packet.readUInt8(0) & 0xf) * 4;
  const isWhole = headerBytes >= IPV4_HEADER_BYTES && headerBytes <= packet.length;
  if (!isWhole || packet.readUInt16BE(2) !== packet.length) return undefined;
  return {
    family: 4,
    headerBytes,
    source: packet.subarray(12, 16),
    destination: packet.subarray(16, 20),
    ttl: packet.readUInt8(8),
    protocol: packet.readUInt8(9),
  };
}

function readIpv6(packet: Buffer): PacketHeader | undefined {
  if (packet.length < IPV6_HEADER_BYTES || packet.readUInt16BE(4) !== packet.length - IPV6_HEADER_BYTES) {
    return undefined;
  }
  return {
    family: 6,
    headerBytes: IPV6_HEADER_BYTES,
    source: packet.subarray(8, 24),
    destination: packet.subarray(24, 40),
    ttl: packet.readUInt8(7),
    protocol: packet.readUInt8(6),
  };
}

/** In place. False when the packet has to end here. */
export function decrementTtl(packet: Buffer, { family, ttl }: PacketHeader): boolean {
  if (ttl <= 1) return false;
  packet.writeUInt8(ttl - 1, family === 4 ? 8 : 7);
  if (family === 4) {
    // The 16-bit word {ttl, protocol} became smaller by 0x100, so its complement's sum grows by that (RFC 1624).
    const sum = packet.readUInt16BE(10) + 0x100;
    packet.writeUInt16BE((sum & 0xffff) + (sum >> 16), 10);
  }
  return true;
}

/** Internet checksum, RFC 1071, of several pieces; all but the last of even length. */
export function internetChecksum(...pieces: readonly Buffer[]): number {
  let sum = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += 2) sum += ((piece[at] ?? 0) << 8) | (piece[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
