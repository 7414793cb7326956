/**
 * Who talks to whom, from the beginning of a logged packet.
 * Source: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 826 (ARP), include/uapi/linux/in.h, if_ether.h.
 */
import { formatAddress, type IpAddress } from "#base/ip-address.ts";

export interface PacketEnds {
  readonly protocol: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

const ETH_P_ARP = 0x0806;
const PROTOCOLS: Readonly<Record<number, string>> = { 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP" };
const WITH_PORTS: ReadonlySet<string> = new Set(["TCP", "UDP", "SCTP"]);
/** RFC 8200: hop-by-hop, routing, destination options; each says how long it is. A fragment's is 8 bytes. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60]);
const FRAGMENT = 44;

/** Undefined for what is too short, or of another protocol. `etherType` tells ARP from IP. */
export function readPacket(packet: Uint8Array, etherType: number): PacketEnds | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  if (etherType === ETH_P_ARP) return readArp(bytes);
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return readIpv4(bytes);
  return version === 6 ? readIpv6(bytes) : undefined;
}

/** Ethernet and IPv4 alone: hardware address 6 bytes, protocol address 4. */
function readArp(bytes: Buffer): PacketEnds | undefined {
  if (bytes.length < 28) return undefined;
  return {
    protocol: "ARP",
    source: formatAddress(bytes.subarray(14, 18)),
    destination: formatAddress(bytes.subarray(24, 28)),
  };
}

function readIpv4(bytes: Buffer): PacketEnds | undefined {
  if (bytes.length < 20) return undefined;
  const isLaterFragment = (bytes.readUInt16BE(6) & 0x1fff) !== 0;
  const transport = isLaterFragment ? bytes.length : ((bytes[0] ?? 0) & 0x0f) * 4;
  const ends = { source: formatAddress(bytes.subarray(12, 16)), destination: formatAddress(bytes.subarray(16, 20)) };
  return { ...ends, ...readTransport(bytes, bytes.readUInt8(9), transport) };
}

function readIpv6(bytes: Buffer): PacketEnds | undefined {
  if (bytes.length < 40) return undefined;
  const ends = { source: formatAddress(bytes.subarray(8, 24)), destination: formatAddress(bytes.subarray(24, 40)) };
  let next = bytes.readUInt8(6);
  let at = 40;
  while (at + 2 <= bytes.length && (EXTENSIONS.has(next) || next === FRAGMENT)) {
    const length = next === FRAGMENT ? 8 : (bytes.readUInt8(at + 1) + 1) * 8;
    next = bytes.readUInt8(at);
    at += length;
  }
  return { ...ends, ...readTransport(bytes, next, at) };
}

function readTransport(
  bytes: Buffer,
  number: number,
  at: number,
): Pick<PacketEnds, "protocol" | "sourcePort" | "destinationPort"> {
  const protocol = PROTOCOLS[number] ?? `protocol ${number}`;
  if (!WITH_PORTS.has(protocol) || bytes.length < at + 4) return { protocol };
  return { protocol, sourcePort: bytes.readUInt16BE(at), destinationPort: bytes.readUInt16BE(at + 2) };
}
