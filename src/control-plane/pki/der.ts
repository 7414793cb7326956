/**
 * DER: how certificates lie in bytes. Writers for the types that certificates of ours have, and a reader of elements
 * for those of others, which never looks past its bytes and throws only `DecodeError`.
 * Source: ITU-T X.690 (2021), sections 8 and 10.
 */
import { DecodeError } from "#base/codec/codec.ts";

/** Identifier octets, X.690 section 8.1.2; X.680 section 8 has the numbers. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** [number] IMPLICIT of a primitive type. */
export function contextTag(number: number): number {
  return 0x80 | number;
}

/** [number] EXPLICIT, or IMPLICIT of a constructed type. */
export function constructedContextTag(number: number): number {
  return 0xa0 | number;
}

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(length)]), ...contents]);
}

export function sequence(...contents: readonly Uint8Array[]): Buffer {
  return element(TAG.sequence, ...contents);
}

export function set(content: Uint8Array): Buffer {
  return element(TAG.set, content);
}

/** FALSE is the default wherever certificates have a BOOLEAN, and DER leaves defaults out. */
export function booleanTrue(): Buffer {
  return element(TAG.boolean, Buffer.of(0xff));
}

/** A number that is not negative, most significant byte first: the fewest bytes whose first bit is 0. */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Buffer.of(0) : bytes.subarray(start);
  const first = digits[0] ?? 0;
  return element(TAG.integer, ...(first >= 0x80 ? [Buffer.of(0)] : []), digits);
}

/** Of whole bytes. */
export function bitString(bytes: Uint8Array): Buffer {
  return element(TAG.bitString, Buffer.of(0), bytes);
}

/** The numbers of the bits that are 1; those after the last one are not written. */
export function namedBits(...numbers: readonly number[]): Buffer {
  const length = Math.max(-1, ...numbers) + 1;
  const bytes = Buffer.alloc(Math.ceil(length / 8));
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (0x80 >> (number & 7));
  return element(TAG.bitString, Buffer.of(bytes.length * 8 - length), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(TAG.octetString, bytes);
}

export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, "utf8"));
}

/** "2.5.4.3" */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...arcs] = dotted.split(".").map(Number);
  return element(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...arcs].flatMap(base128)));
}

/** UTCTime to 2049, GeneralizedTime from 2050, both to the second (RFC 5280 section 4.1.2.5). */
export function time(date: Date): Buffer {
  const year = date.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) {
    throw new RangeError(`Cannot write the time ${String(date)} into a certificate: its year is not in 1950-9999`);
  }
  const digits = date.toISOString().replaceAll(/\.\d+|[-:T]/g, "");
  return year < 2050
    ? element(TAG.utcTime, Buffer.from(digits.slice(2), "latin1"))
    : element(TAG.generalizedTime, Buffer.from(digits, "latin1"));
}

export interface DerElement {
  readonly tag: number;
  /** With tag and length: for copying. */
  readonly bytes: Buffer;
  readonly content: Buffer;
}

/** The elements that follow each other in these bytes, such as the content of a SEQUENCE. */
export function readElements(bytes: Buffer): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const read = readElement(bytes, offset);
    elements.push(read);
    offset += read.bytes.length;
  }
  return elements;
}

function readElement(bytes: Buffer, offset: number): DerElement {
  const fail = (reason: string): DecodeError => new DecodeError("DER element", offset, reason);
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw fail("it ends within tag and length");
  if ((tag & 0x1f) === 0x1f) throw fail("its tag has more than one byte");
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > 4) throw fail("its length is indefinite or has more than four bytes");
  const start = offset + 2 + lengthBytes;
  if (start > bytes.length) throw fail("it ends within its length");
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(offset + 2, lengthBytes);
  if (length > bytes.length - start) throw fail(`it has ${bytes.length - start} of ${length} bytes`);
  return { tag, bytes: bytes.subarray(offset, start + length), content: bytes.subarray(start, start + length) };
}

/** Below 128 the number itself; otherwise how many bytes follow, and those, most significant first. */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

/** Seven bits a byte, most significant first; the first bit of all but the last byte is 1. */
function base128(value: number): readonly number[] {
  const bytes = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}
