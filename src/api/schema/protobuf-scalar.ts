/**
 * How single values lie on Kubernetes' protobuf wire, in both directions: numbers and text as in any message, times,
 * quantities, IntOrString and raw JSON as small messages of their own.
 * Source: generated.proto of k8s.io/apimachinery v0.32 (meta/v1, api/resource, util/intstr, runtime).
 */
import { DecodeError, requireBytes } from "#base/codec/codec.ts";
import type { JsonValue } from "#base/json.ts";
import {
  type Cursor,
  lengthDelimited,
  readLengthDelimited,
  readTag,
  readVarint,
  skipValue,
  tag,
  varint,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
} from "#base/protobuf-wire.ts";
import { formatTime, type TimePrecision } from "./decode-time.ts";
import { parseJson } from "./parse-json.ts";
import type { Schema } from "./schema.ts";

export interface ProtobufScalar {
  readonly wireType: typeof WIRE_VARINT | typeof WIRE_FIXED64 | typeof WIRE_LENGTH;
  /** What Go writes for a field that nobody set; undefined: nothing. */
  readonly zero: JsonValue | undefined;
  /** For a length-delimited type the cursor covers exactly the value. undefined: as good as absent. */
  read(cursor: Cursor): JsonValue | undefined;
  /** Without tag and length. The value has the schema's type. */
  write(value: JsonValue): Buffer;
}

/** undefined for lists, maps and messages. */
export function findScalar(schema: Schema): ProtobufScalar | undefined {
  switch (schema.type) {
    case "string":
      return text;
    case "boolean":
      return boolean;
    case "integer":
      return schema.bits === 32 ? int32 : int64;
    case "number":
      return double;
    case "bytes":
      return base64;
    case "time":
      return timeOf(schema.precision);
    case "quantity":
      return quantity;
    case "intOrString":
      return intOrString;
    case "any":
      return rawJson;
    case "list":
    case "map":
    case "object":
      return undefined;
    default:
      throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
  }
}

export const text: ProtobufScalar = {
  wireType: WIRE_LENGTH,
  zero: "",
  read: ({ bytes, offset, end }) => bytes.toString("utf8", offset, end),
  write: (value) => Buffer.from(String(value)),
};

const boolean: ProtobufScalar = {
  wireType: WIRE_VARINT,
  zero: false,
  read: (cursor) => readVarint(cursor) !== 0n,
  write: (value) => varint(value === true ? 1n : 0n),
};

const int32 = integerOf(32);
const int64 = integerOf(64);

function integerOf(bits: 32 | 64): ProtobufScalar {
  return {
    wireType: WIRE_VARINT,
    zero: 0,
    read: (cursor) => Number(BigInt.asIntN(bits, readVarint(cursor))),
    write: (value) => varint(BigInt.asUintN(64, BigInt(Number(value)))),
  };
}

const double: ProtobufScalar = {
  wireType: WIRE_FIXED64,
  zero: undefined,
  read(cursor) {
    requireBytes("double", 8, cursor.offset, cursor.end);
    const value = cursor.bytes.readDoubleLE(cursor.offset);
    if (!Number.isFinite(value)) throw new DecodeError("double", cursor.offset, "is not a finite number");
    cursor.offset += 8;
    return value;
  },
  write(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(Number(value));
    return bytes;
  },
};

const base64: ProtobufScalar = {
  wireType: WIRE_LENGTH,
  zero: undefined,
  read: ({ bytes, offset, end }) => bytes.toString("base64", offset, end),
  write: (value) => Buffer.from(String(value), "base64"),
};

const NANOS_PER_MICRO = 1000;

/** Timestamp: seconds and nanoseconds since 1970; without any field it is no time. */
function timeOf(precision: TimePrecision): ProtobufScalar {
  return {
    wireType: WIRE_LENGTH,
    zero: "",
    read(cursor) {
      if (cursor.offset === cursor.end) return undefined;
      const at = cursor.offset;
      const { seconds, nanos } = readSmallMessage(cursor, { seconds: 1, nanos: 2 });
      const micros = String(Math.trunc(Number(nanos ?? 0) / NANOS_PER_MICRO)).padStart(6, "0");
      const value = formatTime(new Date(Number(seconds ?? 0) * 1000), precision, micros);
      if (value === undefined || !/^\d{6}$/.test(micros)) throw new DecodeError("time", at, "is out of range");
      return value;
    },
    write(value) {
      if (value === "") return Buffer.alloc(0);
      const seconds = Math.floor(Date.parse(String(value)) / 1000);
      const micros = Number(/\.(\d{6})Z$/.exec(String(value))?.[1] ?? 0);
      return Buffer.concat([
        tag(1, WIRE_VARINT),
        int64.write(seconds),
        tag(2, WIRE_VARINT),
        int32.write(micros * 1000),
      ]);
    },
  };
}

const quantity: ProtobufScalar = {
  wireType: WIRE_LENGTH,
  zero: undefined,
  read: (cursor) => readSmallMessage(cursor, { text: 1 }).text ?? "0",
  write: (value) => Buffer.concat([tag(1, WIRE_LENGTH), lengthDelimited(text.write(value))]),
};

const TYPE_STRING = 1;

const intOrString: ProtobufScalar = {
  wireType: WIRE_LENGTH,
  zero: 0,
  read(cursor) {
    const { type, number, string } = readSmallMessage(cursor, { type: 1, number: 2, string: 3 });
    return type === TYPE_STRING ? (string ?? "") : (number ?? 0);
  },
  write(value) {
    const isString = typeof value === "string";
    return Buffer.concat([
      Buffer.concat([tag(1, WIRE_VARINT), int64.write(isString ? TYPE_STRING : 0)]),
      Buffer.concat([tag(2, WIRE_VARINT), int32.write(isString ? 0 : value)]),
      Buffer.concat([tag(3, WIRE_LENGTH), lengthDelimited(text.write(isString ? value : ""))]),
    ]);
  },
};

/** RawExtension and FieldsV1: JSON text. */
const rawJson: ProtobufScalar = {
  wireType: WIRE_LENGTH,
  zero: undefined,
  read(cursor) {
    const { json = "" } = readSmallMessage(cursor, { json: 1 });
    return json === "" ? undefined : parseJson(String(json), { duplicates: "ignore" }).value;
  },
  write: (value) => Buffer.concat([tag(1, WIRE_LENGTH), lengthDelimited(Buffer.from(JSON.stringify(value)))]),
};

/** Fields that are varints or text, by name; unknown ones are skipped. */
function readSmallMessage<K extends string>(
  cursor: Cursor,
  numbers: Readonly<Record<K, number>>,
): Readonly<Partial<Record<K, number | string>>> {
  const found: Partial<Record<string, number | string>> = {};
  const names = new Map(Object.entries<number>(numbers).map(([name, number]) => [number, name]));
  while (cursor.offset < cursor.end) {
    const { fieldNumber, wireType } = readTag(cursor);
    const name = names.get(fieldNumber);
    if (name === undefined) skipValue(cursor, wireType);
    else if (wireType === WIRE_VARINT) found[name] = Number(BigInt.asIntN(64, readVarint(cursor)));
    else if (wireType === WIRE_LENGTH) found[name] = String(text.read(readLengthDelimited(cursor, name)));
    else throw new DecodeError(name, cursor.offset, `wire type is ${wireType}`);
  }
  return found as Partial<Record<K, number | string>>;
}
