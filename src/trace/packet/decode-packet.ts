/**
 * Headers of a captured packet, outer ones first: Ethernet, IPv4, IPv6, UDP, TCP, ICMP, and what VXLAN and Flannel's UDP
 * back end carry. Never throws: what is cut short or unknown ends the list.
 * Source: RFC 791, 8200, 768, 9293, 792, 4443, 7348; Flannel's UDP back end carries IP packets as they are.
 */
import { formatAddress, type IpAddress } from "#base/ip-address.ts";
import { formatMacAddress, type MacAddress } from "#base/mac-address.ts";

export type Layer =
  | {
      readonly kind: "ethernet";
      readonly source: MacAddress;
      readonly destination: MacAddress;
      readonly etherType: number;
    }
  | {
      readonly kind: "ip";
      readonly version: 4 | 6;
      readonly source: IpAddress;
      readonly destination: IpAddress;
      readonly protocol: number;
      readonly ttl: number;
      /** Of the whole packet. */
      readonly bytes: number;
      readonly dontFragment: boolean;
    }
  | { readonly kind: "udp" | "tcp"; readonly sourcePort: number; readonly destinationPort: number }
  | { readonly kind: "icmp"; readonly version: 4 | 6; readonly type: number; readonly code: number }
  | { readonly kind: "vxlan"; readonly vni: number };

export interface DecodedPacket {
  readonly layers: readonly Layer[];
  /** What follows the last header. */
  readonly payload: Buffer;
}

export interface DecodeOptions {
  readonly hasEthernet: boolean;
  /** UDP ports of tunnels. */
  readonly vxlanPort: number;
  readonly flannelUdpPort: number;
}

const ETHERNET_BYTES = 14;
const ETHER_TYPES = { 2048: 4, 34525: 6 } as const;
export const IP_PROTOCOLS = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
/** Tunnels inside of tunnels end here. */
const MAX_LAYERS = 24;
const VXLAN_FLAG_VNI = 0x08;

export function decodePacket(bytes: Buffer, options: DecodeOptions): DecodedPacket {
  const layers: Layer[] = [];
  let rest = bytes;
  let next: Next = options.hasEthernet ? "ethernet" : "ip";
  while (next !== undefined && layers.length < MAX_LAYERS) {
    const read = READERS[next](rest, options);
    if (read === undefined) break;
    layers.push(read.layer);
    rest = rest.subarray(read.bytes, read.end ?? rest.length);
    next = read.next;
  }
  return { layers, payload: rest };
}

type Next = "ethernet" | "ip" | "udp" | "tcp" | "icmp" | "icmp6" | "vxlan" | undefined;

interface Read {
  readonly layer: Layer;
  readonly bytes: number;
  /** Where the layer's own content ends, when it says so. */
  readonly end?: number;
  readonly next: Next;
}

type Reader = (bytes: Buffer, options: DecodeOptions) => Read | undefined;

const READERS: Readonly<Record<NonNullable<Next>, Reader>> = {
  ethernet: readEthernet,
  ip: readIp,
  udp: readUdp,
  tcp: readTcp,
  icmp: (bytes) => readIcmp(bytes, 4),
  icmp6: (bytes) => readIcmp(bytes, 6),
  vxlan: readVxlan,
};

function readEthernet(bytes: Buffer): Read | undefined {
  if (bytes.length < ETHERNET_BYTES) return undefined;
  const etherType = bytes.readUInt16BE(12);
  const layer: Layer = {
    kind: "ethernet",
    destination: formatMacAddress(bytes.subarray(0, 6)),
    source: formatMacAddress(bytes.subarray(6, 12)),
    etherType,
  };
  return { layer, bytes: ETHERNET_BYTES, next: etherType in ETHER_TYPES ? "ip" : undefined };
}

function readIp(bytes: Buffer): Read | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return readIpv4(bytes);
  return version === 6 ? readIpv6(bytes) : undefined;
}

function readIpv4(bytes: Buffer): Read | undefined {
  const headerBytes = ((bytes[0] ?? 0) & 0x0f) * 4;
  if (headerBytes < 20 || bytes.length < headerBytes) return undefined;
  const length = bytes.readUInt16BE(2);
  if (length < headerBytes) return undefined;
  const fragment = bytes.readUInt16BE(6);
  const protocol = bytes.readUInt8(9);
  const layer: Layer = {
    kind: "ip",
    version: 4,
    source: formatAddress(bytes.subarray(12, 16)),
    destination: formatAddress(bytes.subarray(16, 20)),
    protocol,
    ttl: bytes.readUInt8(8),
    bytes: length,
    dontFragment: (fragment & 0x4000) !== 0,
  };
  // Only the first fragment has the transport header.
  const next = (fragment & 0x1fff) === 0 ? nextOf(protocol) : undefined;
  return { layer, bytes: headerBytes, end: Math.min(length, bytes.length), next };
}

function readIpv6(bytes: Buffer): Read | undefined {
  if (bytes.length < 40) return undefined;
  const length = bytes.readUInt16BE(4) + 40;
  const protocol = bytes.readUInt8(6);
  const layer: Layer = {
    kind: "ip",
    version: 6,
    source: formatAddress(bytes.subarray(8, 24)),
    destination: formatAddress(bytes.subarray(24, 40)),
    protocol,
    ttl: bytes.readUInt8(7),
    bytes: length,
    dontFragment: true,
  };
  return { layer, bytes: 40, end: Math.min(length, bytes.length), next: nextOf(protocol) };
}

function nextOf(protocol: number): Next {
  switch (protocol) {
    case IP_PROTOCOLS.udp:
      return "udp";
    case IP_PROTOCOLS.tcp:
      return "tcp";
    case IP_PROTOCOLS.icmp:
      return "icmp";
    case IP_PROTOCOLS.icmp6:
      return "icmp6";
    default:
      return undefined;
  }
}

function readUdp(bytes: Buffer, { vxlanPort, flannelUdpPort }: DecodeOptions): Read | undefined {
  if (bytes.length < 8) return undefined;
  const destinationPort = bytes.readUInt16BE(2);
  const layer: Layer = { kind: "udp", sourcePort: bytes.readUInt16BE(0), destinationPort };
  const next = destinationPort === vxlanPort ? "vxlan" : destinationPort === flannelUdpPort ? "ip" : undefined;
  return { layer, bytes: 8, next };
}

function readTcp(bytes: Buffer): Read | undefined {
  const headerBytes = ((bytes[12] ?? 0) >> 4) * 4;
  if (headerBytes < 20 || bytes.length < headerBytes) return undefined;
  const layer: Layer = { kind: "tcp", sourcePort: bytes.readUInt16BE(0), destinationPort: bytes.readUInt16BE(2) };
  return { layer, bytes: headerBytes, next: undefined };
}

function readIcmp(bytes: Buffer, version: 4 | 6): Read | undefined {
  if (bytes.length < 8) return undefined;
  const type = bytes.readUInt8(0);
  const layer: Layer = { kind: "icmp", version, type, code: bytes.readUInt8(1) };
  return { layer, bytes: 8, next: isIcmpError(version, type) ? "ip" : undefined };
}

/** Errors quote the packet that they are about. */
export function isIcmpError(version: 4 | 6, type: number): boolean {
  return version === 4 ? [3, 4, 5, 11, 12].includes(type) : type >= 1 && type <= 4;
}

function readVxlan(bytes: Buffer): Read | undefined {
  if (bytes.length < 8 || (bytes.readUInt8(0) & VXLAN_FLAG_VNI) === 0) return undefined;
  return { layer: { kind: "vxlan", vni: bytes.readUIntBE(4, 3) }, bytes: 8, next: "ethernet" };
}
