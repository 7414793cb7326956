/**
 * Elements with nothing but a key, data and a comment, written by hand: nearly all are so, and a map may have a hundred
 * thousand of them. The bytes are those of the general codec (set-element.ts), which still reads them.
 */
import type { Codec } from "#base/codec/codec.ts";
import { u16host } from "#base/codec/values.ts";
import { ATTRIBUTE_HEADER_BYTES, align4, NLA_F_NESTED } from "../netlink/attributes.ts";
import { NFTA_DATA_VALUE, nftData } from "./data.ts";
import { NFT_USERDATA_MAXLEN, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_USERDATA } from "./nf-tables.ts";
import type { NftSetElement } from "./set-element.ts";
import { COMMENT } from "./userdata.ts";

/** What the codec below writes; the rest of the fields are not there. */
type PlainElement = Pick<NftSetElement, "key" | "data" | "comment">;

export function isPlainElement(element: NftSetElement): boolean {
  const { flags, timeoutMs, keyEnd, expressions, object, comment } = element;
  return (
    flags === undefined &&
    timeoutMs === undefined &&
    keyEnd === undefined &&
    expressions === undefined &&
    object === undefined &&
    // A comment that is too long is refused by the general codec.
    (comment === undefined || commentBytes(comment) <= NFT_USERDATA_MAXLEN)
  );
}

export const plainElement: Pick<Codec<PlainElement>, "size" | "write"> = {
  size: ({ key, data, comment }) =>
    (key === undefined ? 0 : valueSize(key.length)) +
    (data === undefined ? 0 : dataSize(data)) +
    (comment === undefined ? 0 : align4(ATTRIBUTE_HEADER_BYTES + commentBytes(comment))),
  write(bytes, offset, { key, data, comment }) {
    let at = offset;
    if (key !== undefined) at = writeValue(bytes, at, NFTA_SET_ELEM_KEY, key);
    if (data instanceof Uint8Array) at = writeValue(bytes, at, NFTA_SET_ELEM_DATA, data);
    else if (data !== undefined) {
      const size = nftData.size(data);
      writeHeader(bytes, at, ATTRIBUTE_HEADER_BYTES + size, NFTA_SET_ELEM_DATA | NLA_F_NESTED);
      nftData.write(bytes, at + ATTRIBUTE_HEADER_BYTES, data);
      at += ATTRIBUTE_HEADER_BYTES + size;
    }
    if (comment === undefined) return;
    const length = commentBytes(comment);
    writeHeader(bytes, at, ATTRIBUTE_HEADER_BYTES + length, NFTA_SET_ELEM_USERDATA);
    bytes[at + ATTRIBUTE_HEADER_BYTES] = COMMENT;
    bytes[at + ATTRIBUTE_HEADER_BYTES + 1] = length - COMMENT_HEADER_BYTES;
    bytes.write(comment, at + ATTRIBUTE_HEADER_BYTES + COMMENT_HEADER_BYTES, "utf8");
  },
};

/** {type u8, length u8} */
const COMMENT_HEADER_BYTES = 2;

/** With the NUL behind it. */
function commentBytes(comment: string): number {
  return COMMENT_HEADER_BYTES + Buffer.byteLength(comment) + 1;
}

function dataSize(data: NonNullable<NftSetElement["data"]>): number {
  return data instanceof Uint8Array ? valueSize(data.length) : ATTRIBUTE_HEADER_BYTES + nftData.size(data);
}

/** An attribute with an attribute with the value. */
function valueSize(length: number): number {
  return ATTRIBUTE_HEADER_BYTES + align4(ATTRIBUTE_HEADER_BYTES + length);
}

function writeValue(bytes: Buffer, offset: number, type: number, value: Uint8Array): number {
  const size = valueSize(value.length);
  writeHeader(bytes, offset, size, type | NLA_F_NESTED);
  writeHeader(bytes, offset + ATTRIBUTE_HEADER_BYTES, ATTRIBUTE_HEADER_BYTES + value.length, NFTA_DATA_VALUE);
  const start = offset + 2 * ATTRIBUTE_HEADER_BYTES;
  // They are short: a call of a native function costs more.
  for (let index = 0; index < value.length; index++) bytes[start + index] = value[index] ?? 0;
  return offset + size;
}

function writeHeader(bytes: Buffer, offset: number, length: number, type: number): void {
  u16host.write(bytes, offset, length);
  u16host.write(bytes, offset + 2, type);
}
