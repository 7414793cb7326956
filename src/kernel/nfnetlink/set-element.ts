/**
 * Elements of nf_tables sets and maps. Equal to `nft add element inet podwire masq4 { 10.1.0.5 : goto subnet }`.
 * A range in a set of intervals with one part is two elements (start, and end with the flag `interval-end`); with
 * several parts it is one element with `key` and `keyEnd`.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_set_elem_attributes), Linux 6.1.
 */
import { type Codec, encode, type ValueOf } from "#base/codec/codec.ts";
import { cString, mapped, u16host, u32be } from "#base/codec/values.ts";
import {
  ATTRIBUTE_HEADER_BYTES,
  attribute,
  attributeList,
  attributes,
  headerAndAttributes,
  markNested,
  NLA_F_NESTED,
} from "../netlink/attributes.ts";
import { type NftData, nftData, nftValue } from "./data.ts";
import { type StatefulExpression, statefulExpression } from "./expression.ts";
import { NFTA_LIST_ELEM, NFTA_SET_ELEM_DATA, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_USERDATA } from "./nf-tables.ts";
import { header, nfgenmsg, requireFamily, u64number } from "./nfnetlink.ts";
import { isPlainElement, plainElement } from "./plain-element.ts";
import type { SetName } from "./set.ts";
import { commentItems, findComment, lenientUserdata } from "./userdata.ts";
import { type Word, wordFlags } from "./words.ts";

const NFTA_SET_ELEM_FLAGS = 3;
const NFTA_SET_ELEM_TIMEOUT = 4;
const NFTA_SET_ELEM_EXPIRATION = 5;
const NFTA_SET_ELEM_EXPR = 7;
const NFTA_SET_ELEM_OBJREF = 9;
const NFTA_SET_ELEM_KEY_END = 10;
const NFTA_SET_ELEM_EXPRESSIONS = 11;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
export const NFTA_SET_ELEM_LIST_ELEMENTS = 3;

const ELEMENT_FLAGS = { "interval-end": 1, "catch-all": 2 } as const;

export interface NftSetElement {
  /** Absent in the catch-all element (`*`). Parts of a concatenation: see `concat`. */
  readonly key?: Uint8Array | undefined;
  /** Last key of a range, in sets of concatenated intervals. */
  readonly keyEnd?: Uint8Array | undefined;
  /** What a map holds under the key. */
  readonly data?: NftData | undefined;
  readonly flags?: readonly Word<typeof ELEMENT_FLAGS>[] | undefined;
  readonly timeoutMs?: number | undefined;
  /** Given by the kernel: time left. */
  readonly expiresMs?: number | undefined;
  readonly comment?: string | undefined;
  readonly expressions?: readonly StatefulExpression[] | undefined;
  /** Name of the counter or other object, in maps of objects. */
  readonly object?: string | undefined;
}

const elementWire = attributes({
  flags: attribute(NFTA_SET_ELEM_FLAGS, wordFlags(u32be, ELEMENT_FLAGS)),
  timeoutMs: attribute(NFTA_SET_ELEM_TIMEOUT, u64number),
  expiresMs: attribute(NFTA_SET_ELEM_EXPIRATION, u64number),
  key: attribute(NFTA_SET_ELEM_KEY, nftValue),
  keyEnd: attribute(NFTA_SET_ELEM_KEY_END, nftValue),
  data: attribute(NFTA_SET_ELEM_DATA, nftData),
  userdata: attribute(NFTA_SET_ELEM_USERDATA, lenientUserdata),
  expression: attribute(NFTA_SET_ELEM_EXPR, statefulExpression),
  expressions: attribute(NFTA_SET_ELEM_EXPRESSIONS, attributeList(NFTA_LIST_ELEM, statefulExpression)),
  object: attribute(NFTA_SET_ELEM_OBJREF, cString),
});

const anyElement = mapped<ValueOf<typeof elementWire>, NftSetElement>(
  elementWire,
  ({ userdata, expression, expressions, unknown: _unknown, ...fields }) => {
    const comment = findComment(userdata);
    const attached = expressions ?? (expression && [expression]);
    return { ...fields, ...(comment !== undefined && { comment }), ...(attached && { expressions: attached }) };
  },
  ({ comment, expiresMs: _given, ...fields }) => ({ ...fields, userdata: commentItems(comment) }),
);

export const nftSetElement: Codec<NftSetElement> = markNested({
  size: (element) => (isPlainElement(element) ? plainElement.size(element) : anyElement.size(element)),
  write(bytes, offset, element) {
    if (isPlainElement(element)) plainElement.write(bytes, offset, element);
    else anyElement.write(bytes, offset, element);
  },
  read: anyElement.read,
});

const listWire = headerAndAttributes(
  nfgenmsg,
  attributes({
    table: attribute(NFTA_SET_ELEM_LIST_TABLE, cString),
    set: attribute(NFTA_SET_ELEM_LIST_SET, cString),
    elements: attribute(NFTA_SET_ELEM_LIST_ELEMENTS, attributeList(NFTA_LIST_ELEM, nftSetElement)),
  }),
);

export interface NftSetElements extends SetName {
  readonly elements: readonly NftSetElement[];
}

export const nftSetElements: Codec<NftSetElements> = mapped<ValueOf<typeof listWire>, NftSetElements>(
  listWire,
  ({ family, table, set, elements }) => {
    if (table === undefined || set === undefined) throw new Error("elements without a set");
    return { family: requireFamily(family), table, set, elements: elements ?? [] };
  },
  ({ family, table, set, elements }) => ({ ...header(family), table, set, elements }),
);

const elements = attributeList(NFTA_LIST_ELEM, nftSetElement);

/** Some elements of an operation, as bytes: a table of many thousands is planned without an object for each. */
export interface ElementRun {
  readonly length: number;
  /** Of the attribute that holds them; they fit one. */
  readonly bytes: Buffer;
}

export function encodeElementRun(run: readonly NftSetElement[]): ElementRun {
  return { length: run.length, bytes: encode(elements, run) };
}

/** As `nftSetElements` writes it. */
export function encodeRunMessage(set: SetName, { bytes }: ElementRun): Buffer {
  const head = encodeAllElements(set);
  const message = Buffer.allocUnsafe(head.length + ATTRIBUTE_HEADER_BYTES + bytes.length);
  message.set(head);
  u16host.write(message, head.length, ATTRIBUTE_HEADER_BYTES + bytes.length);
  u16host.write(message, head.length + 2, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
  message.set(bytes, head.length + ATTRIBUTE_HEADER_BYTES);
  return message;
}

/** The set alone: all its elements, for GETSETELEM dumps and for flushing with DELSETELEM. */
export function encodeAllElements({ family, table, set }: SetName): Buffer {
  return encode(listWire, { ...header(family), table, set });
}

/**
 * The two elements of the range `from` … `to` (both in it) for a set with the flag `interval` and one part.
 * A range that ends at the highest key has no end element.
 */
export function intervalElements(from: Uint8Array, to: Uint8Array): readonly NftSetElement[] {
  const end = Uint8Array.from(to);
  for (let index = end.length - 1; index >= 0; index--) {
    const next = ((end[index] ?? 0) + 1) & 0xff;
    end[index] = next;
    if (next !== 0) return [{ key: from }, { key: end, flags: ["interval-end"] }];
  }
  return [{ key: from }];
}
