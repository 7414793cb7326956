/**
 * Protobuf (proto3) messages, declared once as `{name: field(number, type)}`: the TypeScript types, writing and
 * reading follow from the declaration. Enough for gRPC services such as CRI; no groups, floats or extensions.
 * Written fields are in the order of the declaration, proto3 defaults are left out; unknown fields are skipped.
 * A message field that comes twice is not merged: the last one counts. Source: protobuf.dev, "Encoding".
 */
import { DecodeError } from "./codec/codec.ts";
import {
  type Cursor,
  lengthDelimited,
  readLengthDelimited,
  readTag,
  readVarint,
  skipValue,
  tag,
  varint,
  WIRE_LENGTH,
  WIRE_VARINT,
} from "./protobuf-wire.ts";

/** How one value lies on the wire. `Out` is what reading gives, `In` what writing takes. */
export interface ProtobufType<Out, In = Out, Absent = Out> {
  readonly what: string;
  readonly wireType: typeof WIRE_VARINT | typeof WIRE_LENGTH;
  /** What reading gives when the field is not there. */
  readonly absent: Absent;
  /** True for the default of proto3, which is not written. */
  isDefault(value: In): boolean;
  /** The value's bytes, without tag and length. */
  write(value: In): Buffer;
  /** For a type with a length, the cursor covers exactly the value. */
  read(cursor: Cursor): Out;
}

/** One numbered place in a message. */
export interface ProtobufField<Out, In> {
  readonly number: number;
  absent(): Out;
  write(value: In): readonly Buffer[];
  /** Gives the field's value after one more occurrence; lists and maps grow in place. */
  read(cursor: Cursor, wireType: number, previous: Out): Out;
}

type Fields = Readonly<Record<string, ProtobufField<unknown, never>>>;
type FieldOut<F> = F extends ProtobufField<infer Out, never> ? Out : never;
type FieldIn<F> = F extends { write(value: infer In): unknown } ? In : never;

export type Decoded<T> = T extends ProtobufType<infer Out, never, unknown> ? Out : never;
export type Encodable<T> = T extends { write(value: infer In): unknown } ? In : never;

type MessageOut<F> = { readonly [K in keyof F]: FieldOut<F[K]> };
type MessageIn<F> = { readonly [K in keyof F]?: FieldIn<F[K]> | undefined };
export type ProtobufMessage<F> = ProtobufType<MessageOut<F>, MessageIn<F>, undefined>;

export function encodeMessage<In>(message: ProtobufType<unknown, In, undefined>, value: In): Buffer {
  return message.write(value);
}

export function decodeMessage<Out>(message: ProtobufType<Out, never, undefined>, bytes: Uint8Array): Out {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return message.read({ bytes: view, offset: 0, end: view.length });
}

function varintType<T>(
  what: string,
  absent: T,
  toWire: (value: T) => bigint,
  fromWire: (value: bigint) => T,
): ProtobufType<T> {
  return {
    what,
    wireType: WIRE_VARINT,
    absent,
    isDefault: (value) => value === absent,
    write: (value) => varint(BigInt.asUintN(64, toWire(value))),
    read: (cursor) => fromWire(readVarint(cursor)),
  };
}

export const int32 = varintType("int32", 0, inRange("int32", -(2 ** 31), 2 ** 31 - 1), (wire) =>
  Number(BigInt.asIntN(32, wire)),
);
export const uint32 = varintType("uint32", 0, inRange("uint32", 0, 2 ** 32 - 1), (wire) =>
  Number(BigInt.asUintN(32, wire)),
);
export const int64 = varintType("int64", 0n, inBigRange("int64", -(2n ** 63n), 2n ** 63n - 1n), (wire) =>
  BigInt.asIntN(64, wire),
);
export const uint64 = varintType("uint64", 0n, inBigRange("uint64", 0n, 2n ** 64n - 1n), (wire) => wire);
export const bool = varintType("bool", false, BigInt, (wire) => wire !== 0n);

export const string: ProtobufType<string> = {
  what: "string",
  wireType: WIRE_LENGTH,
  absent: "",
  isDefault: (value) => value === "",
  write: (value) => Buffer.from(value, "utf8"),
  read: ({ bytes, offset, end }) => bytes.toString("utf8", offset, end),
};

/** Reading copies: receive buffers are used again. */
export const bytes: ProtobufType<Uint8Array> = {
  what: "bytes",
  wireType: WIRE_LENGTH,
  absent: new Uint8Array(0),
  isDefault: (value) => value.length === 0,
  write: (value) => Buffer.from(value),
  read: (cursor) => new Uint8Array(cursor.bytes.subarray(cursor.offset, cursor.end)),
};

/** What reading gives for a number that the declaration does not name. It cannot be written. */
export const UNRECOGNIZED = "UNRECOGNIZED";

/** Names in the order of their numbers, from 0. */
export function enumeration<const Names extends readonly [string, ...string[]]>(what: string, names: Names) {
  type Name = Names[number];
  const toWire = (name: Name | typeof UNRECOGNIZED): bigint => {
    const index = names.indexOf(name);
    if (index === -1) throw new RangeError(`Cannot encode "${name}": ${what} has no such name`);
    return BigInt(index);
  };
  const fromWire = (wire: bigint): Name | typeof UNRECOGNIZED => names[Number(wire)] ?? UNRECOGNIZED;
  return varintType<Name | typeof UNRECOGNIZED>(what, names[0], toWire, fromWire);
}

/** A value that is there at most once; `undefined` is not written. */
export function field<Out, In, Absent>(
  number: number,
  type: ProtobufType<Out, In, Absent>,
): ProtobufField<Out | Absent, In | undefined> {
  return {
    number,
    absent: () => type.absent,
    write: (value) => (value === undefined || type.isDefault(value) ? [] : writeOne(number, type, value)),
    read(cursor, wireType) {
      requireWireType(cursor, wireType, type);
      return readOne(cursor, type);
    },
  };
}

/** A list. Numbers are written packed; packed and single ones are read. */
export function repeated<Out, In, Absent>(
  number: number,
  type: ProtobufType<Out, In, Absent>,
): ProtobufField<readonly Out[], readonly In[] | undefined> {
  return {
    number,
    absent: () => [],
    write(values = []) {
      if (values.length === 0) return [];
      if (type.wireType === WIRE_LENGTH) return values.flatMap((value) => writeOne(number, type, value));
      return [tag(number, WIRE_LENGTH), lengthDelimited(Buffer.concat(values.map((value) => type.write(value))))];
    },
    read(cursor, wireType, previous) {
      // Made by `absent` above for this one message, so nobody else sees it grow.
      const values = previous as Out[];
      if (type.wireType === WIRE_VARINT && wireType === WIRE_LENGTH) {
        const packed = readLengthDelimited(cursor, type.what);
        while (packed.offset < packed.end) values.push(type.read(packed));
      } else {
        requireWireType(cursor, wireType, type);
        values.push(readOne(cursor, type));
      }
      return values;
    },
  };
}

type StringMap = Readonly<Record<string, string>>;

/** `map<string, string>`: on the wire a list of entries with key 1 and value 2. */
export function stringMap(number: number): ProtobufField<StringMap, StringMap | undefined> {
  const entry = message("map entry", { key: field(1, string), value: field(2, string) });
  return {
    number,
    absent: () => ({}),
    write: (map = {}) => Object.entries(map).flatMap(([key, value]) => writeOne(number, entry, { key, value })),
    read(cursor, wireType, previous) {
      requireWireType(cursor, wireType, entry);
      const { key, value } = readOne(cursor, entry);
      // Defined, not assigned: a key may be "__proto__".
      return Object.defineProperty(previous, key, { value, configurable: true, enumerable: true, writable: true });
    },
  };
}

export function message<const F extends Fields>(what: string, fields: F): ProtobufMessage<F> {
  const entries = Object.entries<ProtobufField<unknown, never>>(fields);
  const byNumber = new Map(entries.map(([name, place]) => [place.number, { name, place }]));
  if (byNumber.size !== entries.length) throw new RangeError(`Cannot declare ${what}: a field number is used twice`);
  return {
    what,
    wireType: WIRE_LENGTH,
    absent: undefined,
    isDefault: () => false,
    write(value) {
      // A mapped type loses the link between key and field; the signature above restores it.
      const values = value as Readonly<Record<string, never>>;
      return Buffer.concat(entries.flatMap(([name, place]) => place.write(values[name] as never)));
    },
    read(cursor) {
      const values: Record<string, unknown> = {};
      for (const [name, place] of entries) values[name] = place.absent();
      while (cursor.offset < cursor.end) {
        const { fieldNumber, wireType } = readTag(cursor);
        const known = byNumber.get(fieldNumber);
        if (known === undefined) skipValue(cursor, wireType);
        else values[known.name] = known.place.read(cursor, wireType, values[known.name]);
      }
      return values as MessageOut<F>;
    },
  };
}

function writeOne<In>(number: number, type: ProtobufType<unknown, In, unknown>, value: In): Buffer[] {
  const payload = type.write(value);
  return [tag(number, type.wireType), type.wireType === WIRE_LENGTH ? lengthDelimited(payload) : payload];
}

function readOne<Out>(cursor: Cursor, type: ProtobufType<Out, never, unknown>): Out {
  return type.read(type.wireType === WIRE_LENGTH ? readLengthDelimited(cursor, type.what) : cursor);
}

function requireWireType(cursor: Cursor, wireType: number, type: ProtobufType<unknown, never, unknown>): void {
  if (wireType === type.wireType) return;
  throw new DecodeError(type.what, cursor.offset, `wire type is ${wireType}, not ${type.wireType}`);
}

function inRange(what: string, min: number, max: number): (value: number) => bigint {
  return (value) => {
    if (Number.isInteger(value) && value >= min && value <= max) return BigInt(value);
    throw new RangeError(`Cannot encode ${value}: not a value of ${what}`);
  };
}

function inBigRange(what: string, min: bigint, max: bigint): (value: bigint) => bigint {
  return (value) => {
    if (value >= min && value <= max) return value;
    throw new RangeError(`Cannot encode ${value}: not a value of ${what}`);
  };
}
