/** One transport segment with a payload and its checksum: ICMP echo request, UDP, or a TCP SYN. Source: RFC 792, 4443, 768, 9293, 1071. */
import { addressBytes, type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { PacketProtocol } from "../path/packet.ts";
import { IP_PROTOCOLS } from "./decode-packet.ts";

export interface SegmentOptions {
  readonly protocol: PacketProtocol;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export function ipProtocolOf(protocol: PacketProtocol, family: Family): number {
  return protocol === "icmp" && family === 6 ? IP_PROTOCOLS.icmp6 : IP_PROTOCOLS[protocol];
}

export function encodeSegment(options: SegmentOptions): Buffer {
  const { protocol, payload, source, destination } = options;
  const family = familyOf(destination);
  const header = HEADERS[protocol](options, family);
  const segment = Buffer.concat([header.bytes, payload]);
  const pseudo =
    protocol === "icmp" && family === 4
      ? Buffer.alloc(0)
      : pseudoHeader(source, destination, segment.length, ipProtocolOf(protocol, family));
  const sum = checksum(Buffer.concat([pseudo, segment]));
  // In UDP 0 means that there is none.
  segment.writeUInt16BE(sum === 0 && protocol === "udp" ? 0xffff : sum, header.checksumAt);
  return segment;
}

interface Header {
  readonly bytes: Buffer;
  readonly checksumAt: number;
}

const TCP_SYN = 0x02;

const HEADERS: Readonly<Record<PacketProtocol, (options: SegmentOptions, family: Family) => Header>> = {
  icmp({ sourcePort }, family) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt8(family === 4 ? 8 : 128, 0);
    bytes.writeUInt16BE(sourcePort, 4);
    bytes.writeUInt16BE(1, 6);
    return { bytes, checksumAt: 2 };
  },
  udp({ sourcePort, destinationPort, payload }) {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt16BE(sourcePort, 0);
    bytes.writeUInt16BE(destinationPort, 2);
    bytes.writeUInt16BE(8 + payload.length, 4);
    return { bytes, checksumAt: 6 };
  },
  tcp({ sourcePort, destinationPort }) {
    const bytes = Buffer.alloc(20);
    bytes.writeUInt16BE(sourcePort, 0);
    bytes.writeUInt16BE(destinationPort, 2);
    bytes.writeUInt32BE(1, 4);
    bytes.writeUInt8(5 << 4, 12);
    bytes.writeUInt8(TCP_SYN, 13);
    bytes.writeUInt16BE(64240, 14);
    return { bytes, checksumAt: 16 };
  },
};

function pseudoHeader(source: IpAddress, destination: IpAddress, length: number, protocol: number): Buffer {
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest.writeUInt32BE(protocol, 4);
  // IPv4's has 2 bytes of length and 2 of protocol: the same sum.
  return Buffer.concat([addressBytes(source), addressBytes(destination), rest]);
}

/** 0 over a segment whose checksum is right. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
