/**
 * Questions and answers of the probes: 4 bytes of magic, one of kind, 4 of number; an answer goes on with the address that
 * the receiver saw. Both are padded to the size that is probed, so that a full-size question gets a full-size answer.
 */
import { type IpAddress, parseAddress } from "#base/ip-address.ts";

const MAGIC = Buffer.from("PWCK");
const HEADER_BYTES = 9;
const QUESTION = 0x3f; // "?"
const ANSWER = 0x21; // "!"
/** Room for the longest text of an address and its length. */
export const MIN_DATAGRAM_BYTES = HEADER_BYTES + 1 + 45;

export type EchoDatagram =
  | { readonly kind: "question"; readonly number: number }
  | { readonly kind: "answer"; readonly number: number; readonly seen: IpAddress };

export function encodeEcho(datagram: EchoDatagram, bytes: number): Buffer {
  const buffer = Buffer.alloc(Math.max(bytes, MIN_DATAGRAM_BYTES));
  buffer.set(MAGIC);
  buffer.writeUInt8(datagram.kind === "question" ? QUESTION : ANSWER, 4);
  buffer.writeUInt32BE(datagram.number, 5);
  if (datagram.kind === "answer") buffer.writeUInt8(buffer.write(datagram.seen, HEADER_BYTES + 1), HEADER_BYTES);
  return buffer;
}

/** Undefined for what is none of ours. */
export function decodeEcho(bytes: Buffer): EchoDatagram | undefined {
  if (bytes.length < MIN_DATAGRAM_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) return undefined;
  const kind = bytes.readUInt8(4);
  const number = bytes.readUInt32BE(5);
  if (kind === QUESTION) return { kind: "question", number };
  if (kind !== ANSWER) return undefined;
  try {
    const length = bytes.readUInt8(HEADER_BYTES);
    return {
      kind: "answer",
      number,
      seen: parseAddress(bytes.toString("latin1", HEADER_BYTES + 1, HEADER_BYTES + 1 + length)),
    };
  } catch {
    return undefined; // no address: not ours after all
  }
}
