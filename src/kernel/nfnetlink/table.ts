/**
 * nf_tables tables. Equal to `nft add table inet podwire`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_table_attributes), Linux 6.1.
 */
import { type Codec, encode, type ValueOf } from "#base/codec/codec.ts";
import { cString, mapped, u32be } from "#base/codec/values.ts";
import { attribute, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { header, type NftFamily, nfgenmsg, requireFamily, requiring, u64number } from "./nfnetlink.ts";
import { commentItems, findComment, lenientUserdata } from "./userdata.ts";
import { type Word, wordFlags } from "./words.ts";

const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const NFTA_TABLE_USE = 3;
const NFTA_TABLE_HANDLE = 4;
const NFTA_TABLE_USERDATA = 6;

/** `dormant`: its chains see no packets. `owner`: only the socket that made it may change it; it ends with the socket. */
const TABLE_FLAGS = { dormant: 1, owner: 2, persist: 4 } as const;

export interface TableName {
  readonly family: NftFamily;
  readonly table: string;
}

export interface NftTable extends TableName {
  readonly flags?: readonly Word<typeof TABLE_FLAGS>[] | undefined;
  /** Since Linux 5.10. */
  readonly comment?: string | undefined;
  /** Given by the kernel. */
  readonly handle?: number | undefined;
}

const wire = headerAndAttributes(
  nfgenmsg,
  requiring(
    "table",
    attributes({
      table: attribute(NFTA_TABLE_NAME, cString),
      flags: attribute(NFTA_TABLE_FLAGS, wordFlags(u32be, TABLE_FLAGS)),
      use: attribute(NFTA_TABLE_USE, u32be),
      handle: attribute(NFTA_TABLE_HANDLE, u64number),
      userdata: attribute(NFTA_TABLE_USERDATA, lenientUserdata),
    }),
    "table",
  ),
);

export const nftTable: Codec<NftTable> = mapped<ValueOf<typeof wire>, NftTable>(
  wire,
  ({ family, table, flags, handle, userdata }) => ({
    family: requireFamily(family),
    table,
    flags: flags ?? [],
    comment: findComment(userdata),
    handle,
  }),
  ({ family, table, flags, comment }) => ({
    ...header(family),
    table,
    flags: flags ?? [],
    userdata: commentItems(comment),
  }),
);

export function encodeTableName({ family, table }: TableName): Buffer {
  return encode(wire, { ...header(family), table });
}
