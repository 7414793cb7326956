/**
 * Captures as a pcapng file for Wireshark and tcpdump: one interface per link of each namespace, times in nanoseconds,
 * direction and a comment on each packet. Source: draft-ietf-opsawg-pcapng; link types: tcpdump.org/linktypes.html.
 */
export interface PcapngInterface {
  /** As Wireshark shows it: `node1 eth0`. */
  readonly name: string;
  readonly description: string;
  readonly hasEthernet: boolean;
}

export interface PcapngPacket {
  /** Place of its interface in the list. */
  readonly interface: number;
  readonly timeNs: bigint;
  readonly direction: "in" | "out";
  readonly data: Uint8Array;
  readonly comment?: string | undefined;
}

export interface PcapngFile {
  readonly interfaces: readonly PcapngInterface[];
  readonly packets: readonly PcapngPacket[];
}

export const BLOCKS = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const LINK_TYPES = { ethernet: 1, raw: 101 } as const;
export const OPTIONS = {
  end: 0,
  comment: 1,
  interfaceName: 2,
  interfaceDescription: 3,
  packetFlags: 2,
  resolution: 9,
  application: 4,
} as const;
/** Bits 0 and 1 of the flags: inbound, outbound. */
export const DIRECTIONS = { in: 1, out: 2 } as const;
const NANOSECONDS = 9;

export function encodePcapng({ interfaces, packets }: PcapngFile): Buffer {
  return Buffer.concat([sectionHeader(), ...interfaces.map(interfaceBlock), ...packets.map(packetBlock)]);
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  body.writeUInt16LE(1, 4); // version 1.0
  body.writeBigInt64LE(-1n, 8); // the section's length is not said
  return block(BLOCKS.section, body, [text(OPTIONS.application, "podwire trace")]);
}

function interfaceBlock({ name, description, hasEthernet }: PcapngInterface): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(hasEthernet ? LINK_TYPES.ethernet : LINK_TYPES.raw, 0);
  return block(BLOCKS.interface, body, [
    text(OPTIONS.interfaceName, name),
    text(OPTIONS.interfaceDescription, description),
    option(OPTIONS.resolution, Buffer.of(NANOSECONDS)),
  ]);
}

function packetBlock(packet: PcapngPacket): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt32LE(packet.interface, 0);
  header.writeUInt32LE(Number(packet.timeNs >> 32n), 4);
  header.writeUInt32LE(Number(packet.timeNs & 0xffffffffn), 8);
  header.writeUInt32LE(packet.data.length, 12);
  header.writeUInt32LE(packet.data.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(DIRECTIONS[packet.direction]);
  return block(BLOCKS.packet, Buffer.concat([header, padded(packet.data)]), [
    option(OPTIONS.packetFlags, flags),
    ...(packet.comment === undefined ? [] : [text(OPTIONS.comment, packet.comment)]),
  ]);
}

function block(type: number, body: Buffer, options: readonly Buffer[]): Buffer {
  const length = 12 + body.length + options.reduce((sum, one) => sum + one.length, 4);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(length);
  return Buffer.concat([head, body, ...options, Buffer.alloc(4), tail]);
}

function text(code: number, value: string): Buffer {
  return option(code, Buffer.from(value));
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(code, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
