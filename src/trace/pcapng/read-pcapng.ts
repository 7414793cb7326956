/** Reads what write-pcapng writes, and little-endian files of others. Throws DecodeError alone. */
import { DecodeError } from "#base/codec/codec.ts";
import {
  BLOCKS,
  BYTE_ORDER_MAGIC,
  DIRECTIONS,
  LINK_TYPES,
  OPTIONS,
  type PcapngFile,
  type PcapngInterface,
  type PcapngPacket,
} from "./write-pcapng.ts";

export function readPcapng(bytes: Buffer): PcapngFile {
  const interfaces: PcapngInterface[] = [];
  const packets: PcapngPacket[] = [];
  let at = 0;
  while (at < bytes.length) {
    need(bytes, at, 12);
    const type = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    if (length < 12 || length % 4 !== 0) throw new DecodeError("pcapng block", at, `length ${length}`);
    need(bytes, at, length);
    if (bytes.readUInt32LE(at + length - 4) !== length)
      throw new DecodeError("pcapng block", at, "its two lengths differ");
    const body = bytes.subarray(at + 8, at + length - 4);
    if (at === 0) requireSection(type, body);
    if (type === BLOCKS.interface) interfaces.push(readInterface(body));
    if (type === BLOCKS.packet) packets.push(readPacket(body));
    at += length;
  }
  return { interfaces, packets };
}

function requireSection(type: number, body: Buffer): void {
  need(body, 0, 16);
  if (type === BLOCKS.section && body.readUInt32LE(0) === BYTE_ORDER_MAGIC) return;
  throw new DecodeError("pcapng file", 0, "it does not begin with a little-endian section");
}

function readInterface(body: Buffer): PcapngInterface {
  need(body, 0, 8);
  const options = readOptions(body.subarray(8));
  return {
    name: String(options.get(OPTIONS.interfaceName) ?? ""),
    description: String(options.get(OPTIONS.interfaceDescription) ?? ""),
    hasEthernet: body.readUInt16LE(0) === LINK_TYPES.ethernet,
  };
}

function readPacket(body: Buffer): PcapngPacket {
  need(body, 0, 20);
  const length = body.readUInt32LE(12);
  need(body, 20, length);
  const options = readOptions(body.subarray(20 + Math.ceil(length / 4) * 4));
  const flags = options.get(OPTIONS.packetFlags);
  const comment = options.get(OPTIONS.comment);
  return {
    interface: body.readUInt32LE(0),
    timeNs: (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)),
    direction:
      flags !== undefined && flags.length === 4 && (flags.readUInt32LE() & 3) === DIRECTIONS.out ? "out" : "in",
    data: Buffer.from(body.subarray(20, 20 + length)),
    ...(comment === undefined ? {} : { comment: String(comment) }),
  };
}

function readOptions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === OPTIONS.end) break;
    need(bytes, at + 4, length);
    options.set(code, bytes.subarray(at + 4, at + 4 + length));
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return options;
}

function need(bytes: Buffer, offset: number, count: number): void {
  if (bytes.length - offset < count)
    throw new DecodeError("pcapng file", offset, `needs ${count} bytes, has ${bytes.length - offset}`);
}
