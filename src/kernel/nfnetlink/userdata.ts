/**
 * User data: bytes that the kernel keeps for `nft` and never reads, as {type u8, length u8, value} items.
 * Comments live there, and what `nft` needs to print the keys of a set.
 * The layout and the item numbers are those of libnftnl (libnftnl/udata.h, 1.2); they are the same for tables, chains,
 * rules and elements (comment = 0), and different for sets.
 */
import { type Codec, requireBytes } from "#base/codec/codec.ts";
import { cString, rawBytes } from "#base/codec/values.ts";
import { NFT_USERDATA_MAXLEN } from "./nf-tables.ts";

export interface UserdataItem {
  readonly type: number;
  readonly value: Uint8Array;
}

export const userdata: Codec<readonly UserdataItem[]> = {
  size(items) {
    const bytes = items.reduce((sum, { value }) => sum + 2 + value.length, 0);
    if (bytes > NFT_USERDATA_MAXLEN) {
      throw new RangeError(`Cannot encode user data: ${bytes} bytes, at most ${NFT_USERDATA_MAXLEN}`);
    }
    return bytes;
  },
  write(bytes, offset, items) {
    let at = offset;
    for (const { type, value } of items) {
      bytes.writeUInt8(type, at);
      bytes.writeUInt8(value.length, at + 1);
      bytes.set(value, at + 2);
      at += 2 + value.length;
    }
  },
  read(bytes, offset, end) {
    const items: UserdataItem[] = [];
    let at = offset;
    while (at < end) {
      requireBytes("user data", 2, at, end);
      const length = bytes.readUInt8(at + 1);
      requireBytes("user data", 2 + length, at, end);
      items.push({ type: bytes.readUInt8(at), value: rawBytes.read(bytes, at + 2, at + 2 + length) });
      at += 2 + length;
    }
    return items;
  },
};

/** NFTNL_UDATA_TABLE_COMMENT, …_CHAIN_COMMENT, …_RULE_COMMENT, …_SET_ELEM_COMMENT */
export const COMMENT = 0;

export function commentItems(comment: string | undefined, type = COMMENT): readonly UserdataItem[] | undefined {
  if (comment === undefined) return undefined;
  return [{ type, value: Buffer.from(`${comment}\0`) }];
}

export function findComment(items: readonly UserdataItem[] | undefined, type = COMMENT): string | undefined {
  const item = items?.find((candidate) => candidate.type === type);
  return item && cString.read(Buffer.from(item.value), 0, item.value.length);
}

/**
 * Items of one object as a codec of their own that never fails: whatever another program wrote there, its object can
 * still be read. Bytes that are no items are dropped.
 */
export const lenientUserdata: Codec<readonly UserdataItem[]> = {
  ...userdata,
  read(bytes, offset, end) {
    try {
      return userdata.read(bytes, offset, end);
    } catch {
      return []; // foreign bytes: no comment to find
    }
  },
};
