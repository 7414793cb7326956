/**
 * Netlink attributes: {length u16, type u16} + payload, padded to 4 bytes, nested at will.
 * Source: include/uapi/linux/netlink.h (struct nlattr), Linux 6.1.
 */
import { type Codec, DecodeError, requireBytes, type ValueOf } from "#base/codec/codec.ts";
import { u16host } from "#base/codec/values.ts";

/** Bit of the type: the payload is itself a list of attributes. */
export const NLA_F_NESTED = 0x8000;
/** NLA_TYPE_MASK: the type without NLA_F_NESTED (0x8000) and NLA_F_NET_BYTEORDER (0x4000). */
const NLA_TYPE_MASK = 0x3fff;
/** NLA_HDRLEN */
export const ATTRIBUTE_HEADER_BYTES = 4;
/** nla_len is a u16. */
const MAX_ATTRIBUTE_BYTES = 0xffff;

/** NLA_ALIGN / NLMSG_ALIGN: both align to 4 bytes. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

export interface Attribute<T> {
  readonly type: number;
  readonly codec: Codec<T>;
}

export interface UnknownAttribute {
  readonly type: number;
  readonly payload: Uint8Array;
}

export type AttributesValue<A> = {
  readonly [K in keyof A]?: (A[K] extends Attribute<infer T> ? T : never) | undefined;
} & {
  /** Attributes that the declaration does not name, kept as they came. */
  readonly unknown?: readonly UnknownAttribute[] | undefined;
};

export function attribute<T>(type: number, codec: Codec<T>): Attribute<T> {
  return { type, codec };
}

/** Codecs made here, so that writers know to set NLA_F_NESTED. */
const nestedCodecs = new WeakSet<object>();

export function isNestedCodec(codec: object): boolean {
  return nestedCodecs.has(codec);
}

/** Marks a codec whose payload is attributes; libraries and newer kernels expect NLA_F_NESTED there. */
export function markNested<C extends object>(codec: C): C {
  nestedCodecs.add(codec);
  return codec;
}

export function writeAttribute<T>(bytes: Buffer, offset: number, { type, codec }: Attribute<T>, value: T): number {
  const length = ATTRIBUTE_HEADER_BYTES + codec.size(value);
  if (length > MAX_ATTRIBUTE_BYTES) {
    throw new RangeError(`Cannot encode attribute ${type}: ${length} bytes, at most ${MAX_ATTRIBUTE_BYTES}`);
  }
  u16host.write(bytes, offset, length);
  u16host.write(bytes, offset + 2, nestedCodecs.has(codec) ? type | NLA_F_NESTED : type);
  codec.write(bytes, offset + ATTRIBUTE_HEADER_BYTES, value);
  return offset + align4(length);
}

/** Calls `visit` with the type and the payload's bounds of each attribute between `offset` and `end`. */
export function eachAttribute(
  bytes: Buffer,
  offset: number,
  end: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  let at = offset;
  while (end - at >= ATTRIBUTE_HEADER_BYTES) {
    const length = u16host.read(bytes, at, end);
    if (length < ATTRIBUTE_HEADER_BYTES) throw new DecodeError("attribute", at, `length ${length} is below 4`);
    if (length > end - at) requireBytes("attribute", length, at, end);
    visit(u16host.read(bytes, at + 2, end) & NLA_TYPE_MASK, at + ATTRIBUTE_HEADER_BYTES, at + length);
    at += align4(length);
  }
}

type AnyAttributes = Readonly<Record<string, Attribute<never>>>;

export interface AttributesOptions {
  /** `drop`: for messages that are read often and hold much that nobody asks for, such as those about links. */
  readonly unknown?: "keep" | "drop";
}

/** A set of optional attributes, each at most once. Type numbers are explicit, never by position. */
export function attributes<const A extends { readonly [K in keyof A]: Attribute<ValueOf<A[K]["codec"]>> }>(
  declared: A,
  { unknown: unknownAttributes = "keep" }: AttributesOptions = {},
): Codec<AttributesValue<A>> {
  const entries = Object.entries(declared as unknown as AnyAttributes); // links between key and codec: see the signature
  const byType = new Map(entries.map(([name, { type, codec }]) => [type, { name, codec }]));
  return markNested<Codec<AttributesValue<A>>>({
    size(value) {
      const values = value as Readonly<Record<string, unknown>>;
      let total = 0;
      for (const [name, { codec }] of entries) {
        const field = values[name];
        if (field !== undefined) total += align4(ATTRIBUTE_HEADER_BYTES + codec.size(field as never));
      }
      for (const { payload } of value.unknown ?? []) total += align4(ATTRIBUTE_HEADER_BYTES + payload.length);
      return total;
    },
    write(bytes, offset, value) {
      const values = value as Readonly<Record<string, unknown>>;
      let at = offset;
      for (const [name, declaration] of entries) {
        const field = values[name];
        if (field !== undefined) at = writeAttribute(bytes, at, declaration, field as never);
      }
      for (const { type, payload } of value.unknown ?? []) {
        u16host.write(bytes, at, ATTRIBUTE_HEADER_BYTES + payload.length);
        u16host.write(bytes, at + 2, type);
        bytes.set(payload, at + ATTRIBUTE_HEADER_BYTES);
        at += align4(ATTRIBUTE_HEADER_BYTES + payload.length);
      }
    },
    read(bytes, offset, end) {
      const value: Record<string, unknown> = {};
      const unknown: UnknownAttribute[] = [];
      eachAttribute(bytes, offset, end, (type, start, stop) => {
        const known = byType.get(type);
        if (known) value[known.name] = known.codec.read(bytes, start, stop);
        else if (unknownAttributes === "keep")
          unknown.push({ type, payload: Uint8Array.prototype.slice.call(bytes, start, stop) });
      });
      if (unknown.length > 0) value["unknown"] = unknown;
      return value as AttributesValue<A>;
    },
  });
}

/** The same attribute repeated, as in NFTA_LIST_ELEM lists: `[type][payload] [type][payload] …`. */
export function attributeList<T>(type: number, codec: Codec<T>): Codec<readonly T[]> {
  const element = attribute(type, codec);
  return markNested<Codec<readonly T[]>>({
    size: (values) => values.reduce((sum, value) => sum + align4(ATTRIBUTE_HEADER_BYTES + codec.size(value)), 0),
    write(bytes, offset, values) {
      let at = offset;
      for (const value of values) at = writeAttribute(bytes, at, element, value);
    },
    read(bytes, offset, end) {
      const values: T[] = [];
      eachAttribute(bytes, offset, end, (found, start, stop) => {
        if (found === type) values.push(codec.read(bytes, start, stop));
      });
      return values;
    },
  });
}

/** A fixed header (ifinfomsg, nfgenmsg, …) followed by attributes, as one value `{header…, attributes…}`. */
export function headerAndAttributes<H extends object, A extends object>(
  header: Codec<H> & { readonly bytes: number },
  body: Codec<A>,
): Codec<H & A> {
  const headerBytes = align4(header.bytes);
  return {
    size: (value) => headerBytes + body.size(value),
    write(bytes, offset, value) {
      header.write(bytes, offset, value);
      body.write(bytes, offset + headerBytes, value);
    },
    read(bytes, offset, end) {
      requireBytes("message header", headerBytes, offset, end);
      return { ...header.read(bytes, offset, end), ...body.read(bytes, offset + headerBytes, end) };
    },
  };
}
