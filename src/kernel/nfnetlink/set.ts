/**
 * nf_tables sets and maps. Equal to `nft add map inet podwire masq4 { type ipv4_addr : verdict; }`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_set_attributes), Linux 6.1; the user data is what nftables 1.0.6
 * writes, so that `nft list` prints keys and comments.
 */
import { type Codec, encode, type ValueOf } from "#base/codec/codec.ts";
import { cString, mapped, u32be, u32host } from "#base/codec/values.ts";
import { attribute, attributeList, attributes, headerAndAttributes } from "../netlink/attributes.ts";
import { fieldBytes, type NftDataType, typeByteorder, typeBytes, typeNumber, typesOfNumber } from "./data-type.ts";
import { type StatefulExpression, statefulExpression } from "./expression.ts";
import { NFTA_LIST_ELEM } from "./nf-tables.ts";
import { header, nfgenmsg, requireFamily, u64number } from "./nfnetlink.ts";
import type { TableName } from "./table.ts";
import { commentItems, findComment, lenientUserdata, type UserdataItem } from "./userdata.ts";
import { type Word, wordFlags } from "./words.ts";

const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_TYPE = 4;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DATA_TYPE = 6;
const NFTA_SET_DATA_LEN = 7;
const NFTA_SET_DESC = 9;
const NFTA_SET_ID = 10;
const NFTA_SET_TIMEOUT = 11;
const NFTA_SET_GC_INTERVAL = 12;
const NFTA_SET_USERDATA = 13;
const NFTA_SET_HANDLE = 16;
const NFTA_SET_EXPR = 17;
const NFTA_SET_EXPRESSIONS = 18;
const NFTA_SET_DESC_SIZE = 1;
const NFTA_SET_DESC_CONCAT = 2;
const NFTA_SET_FIELD_LEN = 1;
/** Type of data that is a verdict. */
const NFT_DATA_VERDICT = 0xffffff00;

/**
 * `dynamic` (NFT_SET_EVAL): rules may add elements. `expressions`: elements have more than one.
 * `map` and `concat` follow from key and data when writing.
 */
const SET_FLAGS = {
  anonymous: 0x1,
  constant: 0x2,
  interval: 0x4,
  map: 0x8,
  timeout: 0x10,
  dynamic: 0x20,
  object: 0x40,
  concat: 0x80,
  expressions: 0x100,
} as const;

const NFTNL_UDATA_SET_KEYBYTEORDER = 0;
const NFTNL_UDATA_SET_DATABYTEORDER = 1;
const NFTNL_UDATA_SET_COMMENT = 7;

export interface SetName extends TableName {
  readonly set: string;
}

export interface NftSet extends SetName {
  /** One type, or the parts of a concatenation. Empty on reading when `nft` has a type that is not known here. */
  readonly key: readonly NftDataType[];
  /** What a map holds: `["verdict"]`, or one type, or the parts of a concatenation. Absent in plain sets. */
  readonly data?: readonly NftDataType[] | undefined;
  readonly flags?: readonly Word<typeof SET_FLAGS>[] | undefined;
  /** Lifetime of elements that bring none of their own. */
  readonly timeoutMs?: number | undefined;
  readonly gcIntervalMs?: number | undefined;
  /** Most elements that it may have; a set that rules fill needs one. */
  readonly size?: number | undefined;
  /** State that every element gets of its own, such as a counter. */
  readonly expressions?: readonly StatefulExpression[] | undefined;
  readonly comment?: string | undefined;
  /** Given by the kernel. */
  readonly handle?: number | undefined;
}

const wire = headerAndAttributes(
  nfgenmsg,
  attributes({
    table: attribute(NFTA_SET_TABLE, cString),
    set: attribute(NFTA_SET_NAME, cString),
    flags: attribute(NFTA_SET_FLAGS, wordFlags(u32be, SET_FLAGS)),
    keyType: attribute(NFTA_SET_KEY_TYPE, u32be),
    keyBytes: attribute(NFTA_SET_KEY_LEN, u32be),
    dataType: attribute(NFTA_SET_DATA_TYPE, u32be),
    dataBytes: attribute(NFTA_SET_DATA_LEN, u32be),
    /** Names the set within its transaction; mandatory. */
    id: attribute(NFTA_SET_ID, u32be),
    description: attribute(
      NFTA_SET_DESC,
      attributes({
        size: attribute(NFTA_SET_DESC_SIZE, u32be),
        concat: attribute(
          NFTA_SET_DESC_CONCAT,
          attributeList(NFTA_LIST_ELEM, attributes({ bytes: attribute(NFTA_SET_FIELD_LEN, u32be) })),
        ),
      }),
    ),
    timeoutMs: attribute(NFTA_SET_TIMEOUT, u64number),
    gcIntervalMs: attribute(NFTA_SET_GC_INTERVAL, u32be),
    userdata: attribute(NFTA_SET_USERDATA, lenientUserdata),
    handle: attribute(NFTA_SET_HANDLE, u64number),
    expression: attribute(NFTA_SET_EXPR, statefulExpression),
    expressions: attribute(NFTA_SET_EXPRESSIONS, attributeList(NFTA_LIST_ELEM, statefulExpression)),
  }),
);

export const nftSet: Codec<NftSet> = mapped<ValueOf<typeof wire>, NftSet>(
  wire,
  (value) => {
    const { table, set, keyType, dataType, flags, description, timeoutMs, gcIntervalMs, userdata, handle } = value;
    if (table === undefined || set === undefined) throw new Error("set without a name");
    return {
      family: requireFamily(value.family),
      table,
      set,
      key: typesOfNumber(keyType ?? 0) ?? [],
      data: dataType === NFT_DATA_VERDICT ? ["verdict"] : typesOfNumber(dataType ?? 0),
      flags: flags ?? [],
      timeoutMs,
      gcIntervalMs,
      size: description?.size,
      expressions: value.expressions ?? (value.expression && [value.expression]),
      comment: findComment(userdata, NFTNL_UDATA_SET_COMMENT),
      handle,
    };
  },
  (set) => writeSet(set, 1),
);

/** As the codec, with the number that tells sets of one transaction apart. */
export function encodeSet(set: NftSet, id: number): Buffer {
  return encode(wire, writeSet(set, id));
}

/** One set, or all sets of a table: what DELSET and GETSET take. */
export function encodeSetName({ family, table, set }: TableName & { readonly set?: string }): Buffer {
  return encode(wire, { ...header(family), table, set });
}

function writeSet(value: NftSet, id: number): ValueOf<typeof wire> {
  const { family, table, set, key, data, flags = [], timeoutMs, gcIntervalMs, size, expressions, comment } = value;
  const concatenatedIntervals = key.length > 1 && flags.includes("interval");
  const concat = concatenatedIntervals ? fieldBytes(key).map((bytes) => ({ bytes })) : undefined;
  const [firstData] = data ?? [];
  return {
    ...header(family),
    table,
    set,
    flags: [...flags, ...(data ? (["map"] as const) : []), ...(concatenatedIntervals ? (["concat"] as const) : [])],
    keyType: typeNumber(key),
    keyBytes: typeBytes(key),
    dataType: data && (firstData === "verdict" ? NFT_DATA_VERDICT : typeNumber(data)),
    dataBytes: data && typeBytes(data),
    id,
    description: size === undefined && concat === undefined ? undefined : { size, concat },
    timeoutMs,
    gcIntervalMs,
    ...(expressions?.length === 1 ? { expression: expressions[0] } : { expressions }),
    userdata: setUserdata(key, data, comment),
  };
}

function setUserdata(
  key: readonly NftDataType[],
  data: readonly NftDataType[] | undefined,
  comment: string | undefined,
): readonly UserdataItem[] {
  const items = [{ type: NFTNL_UDATA_SET_KEYBYTEORDER, value: encode(u32host, typeByteorder(key)) }];
  const [firstData] = data ?? [];
  if (data && firstData !== "verdict") {
    items.push({ type: NFTNL_UDATA_SET_DATABYTEORDER, value: encode(u32host, typeByteorder(data)) });
  }
  return [...items, ...(commentItems(comment, NFTNL_UDATA_SET_COMMENT) ?? [])];
}
