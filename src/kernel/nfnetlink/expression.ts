/**
 * Expressions as one union, and the codec of a list of them. On the wire an expression is {name, data}; here it is
 * `{ kind: "payload", base: "network", … }`. Kinds without a codec keep their bytes and go back unchanged.
 * Source: include/uapi/linux/netfilter/nf_tables.h (nft_expr_attributes, nft_dynset_attributes), Linux 6.1.
 */
import { type Codec, DecodeError, type ValueOf } from "#base/codec/codec.ts";
import { cString, rawBytes, u32be } from "#base/codec/values.ts";
import {
  ATTRIBUTE_HEADER_BYTES,
  type Attribute,
  align4,
  attribute,
  attributeList,
  attributes,
  eachAttribute,
  markNested,
  writeAttribute,
} from "../netlink/attributes.ts";
import * as codecs from "./expression-codecs.ts";
import { NFTA_LIST_ELEM } from "./nf-tables.ts";
import { requiring, u64number } from "./nfnetlink.ts";
import { word, wordFlags } from "./words.ts";

const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;

/** The data of an expression that has no codec here. */
export interface RawExpression {
  readonly kind: "raw";
  readonly name: string;
  readonly data: Uint8Array;
}

type ExpressionOf<C> =
  | { readonly [K in keyof C & string]: { readonly kind: K } & ValueOf<C[K]> }[keyof C & string]
  | RawExpression;

/** Expressions that keep a state of their own, and so may hang at an element of a set. */
const stateful = { counter: codecs.counter, limit: codecs.limit } as const;
export type StatefulExpression = ExpressionOf<typeof stateful>;
export const statefulExpression: Codec<StatefulExpression> = expressionCodec(stateful);

/** Adds or deletes an element of a set from a rule. */
const dynset = requiring(
  "dynset",
  attributes({
    sregKey: attribute(4, u32be),
    sregData: attribute(5, u32be),
    op: attribute(3, word(u32be, { add: 0, update: 1, delete: 2 })),
    timeoutMs: attribute(6, u64number),
    set: attribute(1, cString),
    setId: attribute(2, u32be),
    flags: attribute(9, wordFlags(u32be, { inverted: 1, expressions: 2 })),
    expression: attribute(7, statefulExpression),
    expressions: attribute(10, attributeList(NFTA_LIST_ELEM, statefulExpression)),
  }),
  "set",
  "op",
  "sregKey",
);

const { META_KEYS: _meta, CT_KEYS: _ct, ...plain } = codecs;
const all = { ...plain, dynset };
export type Expression = ExpressionOf<typeof all>;
export type ExpressionKind = Expression["kind"];
export const expression: Codec<Expression> = expressionCodec(all);
export const expressionList: Codec<readonly Expression[]> = attributeList(NFTA_LIST_ELEM, expression);
/** For tests that have to know every kind. */
export const EXPRESSION_KINDS: readonly string[] = [...Object.keys(all), "raw"];

function expressionCodec<const C extends { readonly [K in keyof C]: Codec<ValueOf<C[K]>> }>(
  table: C,
): Codec<ExpressionOf<C>> {
  const nameAttribute = attribute(NFTA_EXPR_NAME, cString);
  // A mapped type loses that its values are codecs; the signature restores it.
  const entries = Object.entries(table) as [string, Codec<unknown>][];
  const dataAttributes = new Map(entries.map(([name, codec]) => [name, attribute(NFTA_EXPR_DATA, codec)]));
  const rawData = attribute(NFTA_EXPR_DATA, markNested({ ...rawBytes }));

  function parts(value: { readonly kind: string }): Parts {
    if (isRaw(value)) return { name: value.name, declared: rawData as Attribute<unknown>, data: value.data };
    const declared = dataAttributes.get(value.kind);
    if (!declared) throw new RangeError(`Cannot encode expression "${value.kind}": no codec`);
    return { name: value.kind, declared, data: value };
  }

  return markNested<Codec<ExpressionOf<C>>>({
    size(value) {
      const { name, declared, data } = parts(value);
      const nameBytes = align4(ATTRIBUTE_HEADER_BYTES + cString.size(name));
      return nameBytes + align4(ATTRIBUTE_HEADER_BYTES + declared.codec.size(data));
    },
    write(bytes, offset, value) {
      const { name, declared, data } = parts(value);
      writeAttribute(bytes, writeAttribute(bytes, offset, nameAttribute, name), declared, data);
    },
    read(bytes, offset, end) {
      let name: string | undefined;
      let bounds: readonly [number, number] = [end, end];
      eachAttribute(bytes, offset, end, (type, start, stop) => {
        if (type === NFTA_EXPR_NAME) name = cString.read(bytes, start, stop);
        if (type === NFTA_EXPR_DATA) bounds = [start, stop];
      });
      if (name === undefined) throw new DecodeError("expression", offset, "no name");
      const codec = dataAttributes.get(name)?.codec;
      const value = codec
        ? { kind: name, ...Object(codec.read(bytes, ...bounds)) }
        : { kind: "raw", name, data: rawBytes.read(bytes, ...bounds) };
      return value as ExpressionOf<C>; // the codec was chosen by the kind
    },
  });
}

/** Name, codec and data of one expression. That data fits codec follows from the kind; the type does not say so. */
interface Parts {
  readonly name: string;
  readonly declared: Attribute<unknown>;
  readonly data: unknown;
}

function isRaw(value: { readonly kind: string }): value is RawExpression {
  return value.kind === "raw";
}
