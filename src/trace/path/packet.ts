/** A packet as far as its path depends on it, with what carries it: the frame, and outer headers of a tunnel. */
import { type Family, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";

export type PacketProtocol = "tcp" | "udp" | "icmp";

export interface Packet {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: PacketProtocol;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  /** Of a connection that the firewalls know; default: the first packet of a new one. */
  readonly isAnswer?: boolean | undefined;
  /** Of the packet in its namespace's kernel; no other sees it. */
  readonly mark?: number | undefined;
  /** The whole IP packet. It must not be fragmented. */
  readonly bytes: number;
  /** What a tunnel's packet carries: a frame (VXLAN), or a packet without one (Flannel's UDP back end). */
  readonly inner?: { readonly vni?: number | undefined; readonly frame: Frame } | undefined;
}

export interface Frame {
  /** Undefined where there is no Ethernet header (TUN), or nobody knows it. */
  readonly destinationMac?: MacAddress | undefined;
  readonly packet: Packet;
}

/** Ports of Flannel's tunnels: Linux's own VXLAN port, and Flannel's UDP back end. */
export const VXLAN_PORT = 8472;
export const FLANNEL_UDP_PORT = 8285;
export const ETHERNET_HEADER_BYTES = 14;
const UDP_HEADER_BYTES = 8;
const VXLAN_HEADER_BYTES = 8;

export function ipHeaderBytes(family: Family): number {
  return family === 4 ? 20 : 40;
}

export interface TunnelEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly port: number;
  /** Undefined: no Ethernet header inside. */
  readonly vni?: number | undefined;
}

export function encapsulate(frame: Frame, { source, destination, port, vni }: TunnelEnds): Packet {
  const inside = frame.packet.bytes + (vni === undefined ? 0 : ETHERNET_HEADER_BYTES + VXLAN_HEADER_BYTES);
  return {
    source,
    destination,
    protocol: "udp",
    destinationPort: port,
    bytes: inside + UDP_HEADER_BYTES + ipHeaderBytes(familyOf(destination)),
    inner: { vni, frame },
  };
}

/** The packet that an answer would be. */
export function reversed(packet: Packet): Packet {
  const { source, destination, sourcePort, destinationPort } = packet;
  const ports = { sourcePort: destinationPort, destinationPort: sourcePort };
  return { ...packet, ...ports, source: destination, destination: source, isAnswer: packet.isAnswer !== true };
}

/** `10.244.1.5 → 10.244.2.7 udp 7000`, with outer headers first. */
export function describePacket(packet: Packet): string {
  const { source, destination, protocol, destinationPort, inner } = packet;
  const port = destinationPort === undefined ? "" : ` ${destinationPort}`;
  const outer = `${source} → ${destination} ${protocol}${port}`;
  if (inner === undefined) return outer;
  const tunnel = inner.vni === undefined ? "" : ` vni ${inner.vni}`;
  return `${outer}${tunnel} [${describePacket(inner.frame.packet)}]`;
}
