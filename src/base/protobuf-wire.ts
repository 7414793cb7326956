/**
 * The wire format below protobuf messages: varints, tags, lengths, and how to step over a field that is not known.
 * Source: protobuf.dev, "Encoding". Readers check every bound and throw only `DecodeError`.
 */
import { DecodeError, requireBytes } from "./codec/codec.ts";

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_LENGTH = 2;
export const WIRE_FIXED32 = 5;

/** A position in bytes that moves as values are read; never beyond `end`. */
export interface Cursor {
  readonly bytes: Buffer;
  offset: number;
  readonly end: number;
}

export interface Tag {
  readonly fieldNumber: number;
  readonly wireType: number;
}

const VARINT_BYTES_MAX = 10;
const FIELD_NUMBER_MAX = 2 ** 29 - 1;

/** Bytes of an unsigned value below 2^64. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Value below 2^64; bits beyond are dropped, as protobuf asks. */
export function readVarint(cursor: Cursor): bigint {
  const start = cursor.offset;
  let value = 0n;
  for (let count = 0; count < VARINT_BYTES_MAX; count++) {
    const byte = readByte(cursor);
    if (byte < 0x80 && count === 0) return BigInt(byte);
    value |= BigInt(byte & 0x7f) << BigInt(7 * count);
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new DecodeError("varint", start, `has more than ${VARINT_BYTES_MAX} bytes`);
}

export function tag(fieldNumber: number, wireType: number): Buffer {
  return varint((BigInt(fieldNumber) << 3n) | BigInt(wireType));
}

export function readTag(cursor: Cursor): Tag {
  const start = cursor.offset;
  const value = readVarint(cursor);
  const fieldNumber = Number(value >> 3n);
  if (fieldNumber < 1 || fieldNumber > FIELD_NUMBER_MAX) {
    throw new DecodeError("tag", start, `field number ${fieldNumber} is not allowed`);
  }
  return { fieldNumber, wireType: Number(value & 7n) };
}

/** Bytes with their length before them. */
export function lengthDelimited(payload: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(payload.length)), payload]);
}

/** A cursor over exactly the payload; the given cursor moves behind it. */
export function readLengthDelimited(cursor: Cursor, what: string): Cursor {
  const length = readVarint(cursor);
  const start = cursor.offset;
  // Compared as bigint: a hostile length above 2^53 must not be rounded.
  if (length > BigInt(cursor.end - start)) {
    throw new DecodeError(what, start, `needs ${length} bytes, has ${cursor.end - start}`);
  }
  cursor.offset += Number(length);
  return { bytes: cursor.bytes, offset: start, end: cursor.offset };
}

export function skipValue(cursor: Cursor, wireType: number): void {
  switch (wireType) {
    case WIRE_VARINT:
      readVarint(cursor);
      return;
    case WIRE_FIXED64:
      skipBytes(cursor, 8);
      return;
    case WIRE_LENGTH:
      readLengthDelimited(cursor, "unknown field");
      return;
    case WIRE_FIXED32:
      skipBytes(cursor, 4);
      return;
    default:
      throw new DecodeError("unknown field", cursor.offset, `wire type ${wireType} is not supported`);
  }
}

function readByte(cursor: Cursor): number {
  requireBytes("varint", 1, cursor.offset, cursor.end);
  return cursor.bytes.readUInt8(cursor.offset++);
}

function skipBytes(cursor: Cursor, count: number): void {
  requireBytes("unknown field", count, cursor.offset, cursor.end);
  cursor.offset += count;
}
