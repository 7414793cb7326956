/**
 * The first two packets of an SCTP association, INIT and INIT ACK, and what refuses one, ABORT. Enough to prove that a
 * connection may be had, on kernels that have no SCTP of their own, too.
 * Source: RFC 9260 sections 3.1 to 3.3; CRC32c of appendix A.
 */

export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
  readonly chunk: "init" | "init ack" | "abort" | "other";
  /** Of INIT and INIT ACK: the tag of all packets that go to its sender. */
  readonly initiateTag?: number | undefined;
}

const HEADER_BYTES = 12;
const INIT_BYTES = 20;
/** INIT ACK has to carry a state cookie: parameter 7, of at least one word. */
const COOKIE = Uint8Array.of(0, 7, 0, 8, 0x70, 0x77, 0x73, 0x63);
const CHUNKS = { init: 1, "init ack": 2, abort: 6 } as const;
const RECEIVE_WINDOW_BYTES = 65_536;
const STREAMS = 1;

export function encodeSctp(packet: Omit<SctpPacket, "chunk"> & { readonly chunk: "init" | "init ack" }): Buffer {
  const { sourcePort, destinationPort, verificationTag, chunk, initiateTag = 1 } = packet;
  const cookie = chunk === "init ack" ? COOKIE : new Uint8Array();
  const bytes = Buffer.alloc(HEADER_BYTES + INIT_BYTES + cookie.length);
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(destinationPort, 2);
  bytes.writeUInt32BE(verificationTag, 4);
  bytes.writeUInt8(CHUNKS[chunk], 12);
  bytes.writeUInt16BE(INIT_BYTES + cookie.length, 14);
  bytes.writeUInt32BE(initiateTag, 16);
  bytes.writeUInt32BE(RECEIVE_WINDOW_BYTES, 20);
  bytes.writeUInt16BE(STREAMS, 24);
  bytes.writeUInt16BE(STREAMS, 26);
  bytes.writeUInt32BE(initiateTag, 28);
  bytes.set(cookie, HEADER_BYTES + INIT_BYTES);
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

/** Undefined for what is too short or whose checksum is wrong. */
export function decodeSctp(bytes: Buffer): SctpPacket | undefined {
  if (bytes.length < HEADER_BYTES + 4) return undefined;
  const unsigned = Buffer.from(bytes);
  unsigned.writeUInt32LE(0, 8);
  if (crc32c(unsigned) !== bytes.readUInt32LE(8)) return undefined;
  const type = bytes.readUInt8(12);
  const chunk =
    type === CHUNKS.init
      ? "init"
      : type === CHUNKS["init ack"]
        ? "init ack"
        : type === CHUNKS.abort
          ? "abort"
          : "other";
  const hasTag = (chunk === "init" || chunk === "init ack") && bytes.length >= HEADER_BYTES + 8;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    verificationTag: bytes.readUInt32BE(4),
    chunk,
    initiateTag: hasTag ? bytes.readUInt32BE(16) : undefined,
  };
}

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
