/**
 * A decoder for each schema: checks a JSON value's type, drops nulls, and brings scalars into the server's form.
 * Where Kubernetes' decoder refuses a value, so does this one, in its words. Source: messages of encoding/json.
 */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type { ApiError } from "../api-error.ts";
import { canonicalQuantity, QUANTITY_TEXT } from "../quantity.ts";
import { decodeTime } from "./decode-time.ts";
import { goType, goValue } from "./go-type.ts";
import { type MutableJsonObject, setMember } from "./json-member.ts";
import { perSchema } from "./per-schema.ts";
import type { BytesSchema, IntegerSchema, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";

/** A member's name, an item's index, or in a tuple a map's key (which Go's messages leave out). */
type Segment = string | number | readonly [key: string];

/** Where the decoder is; changed as it goes down and up. */
export interface Decoding {
  readonly fail: (problem: string) => ApiError;
  readonly path: Segment[];
  /** The innermost message, as Go names it. */
  struct: string;
  readonly strictErrors: string[];
}

export type Decode = (value: JsonValue, at: Decoding) => JsonValue;

const STRICT_ERRORS_MAX = 100;

export const decoderOf: (schema: Schema) => Decode = perSchema<Decode>(
  (schema) => {
    switch (schema.type) {
      case "string":
        return (value, at) => (typeof value === "string" ? value : mismatch(schema, value, at));
      case "boolean":
        return (value, at) => (typeof value === "boolean" ? value : mismatch(schema, value, at));
      case "number":
        // YAML also knows NaN and infinity.
        return (value, at) => (Number.isFinite(value) ? value : mismatch(schema, value, at));
      case "integer":
        return (value, at) => decodeInteger(schema, value, at);
      case "bytes":
        return (value, at) => decodeBytes(schema, value, at);
      case "time":
        return (value, at) => {
          if (typeof value !== "string")
            throw at.fail(`json: cannot unmarshal ${goValue(value)} into Go value of type string`);
          const decoded = decodeTime(value, schema.precision);
          if ("problem" in decoded) throw at.fail(decoded.problem);
          return decoded.value;
        };
      case "quantity":
        return decodeQuantity;
      case "intOrString":
        return decodeIntOrString;
      case "any":
        return (value) => value;
      case "list":
        return listDecoder(schema);
      case "map":
        return mapDecoder(schema);
      case "object":
        return objectDecoder(schema);
      default:
        throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
    }
  },
  (find) => (value, at) => find()(value, at),
);

function objectDecoder(schema: ObjectSchema): Decode {
  const struct = schema.name.split(".").at(-1) ?? "";
  const members = new Map(Object.entries(schema.fields).map(([name, field]) => [name, decoderOf(field.schema)]));
  return (value, at) => {
    if (!isJsonObject(value)) return mismatch(schema, value, at);
    const outer = at.struct;
    at.struct = struct;
    const decoded: MutableJsonObject = {};
    for (const name in value) {
      const member = value[name];
      const decode = members.get(name);
      if (decode === undefined) {
        if (schema.keepsUnknown === true && member !== undefined) setMember(decoded, name, member);
        else unknownField(name, at);
      } else if (member !== undefined && member !== null) {
        at.path.push(name);
        decoded[name] = decode(member, at);
        at.path.pop();
      }
    }
    at.struct = outer;
    return decoded;
  };
}

function listDecoder(schema: ListSchema): Decode {
  const decode = decoderOf(schema.item);
  const zero = zeroOf(schema.item);
  return (value, at) => {
    if (!Array.isArray(value)) return mismatch(schema, value, at);
    const decoded: JsonValue[] = [];
    let index = 0;
    for (const item of value as readonly JsonValue[]) {
      at.path.push(index++);
      decoded.push(item === null ? zero : decode(item, at));
      at.path.pop();
    }
    return decoded;
  };
}

function mapDecoder(schema: MapSchema): Decode {
  const decode = decoderOf(schema.value);
  const zero = zeroOf(schema.value);
  const isNested = schema.value.type === "object" || schema.value.type === "list" || schema.value.type === "map";
  return (value, at) => {
    if (!isJsonObject(value)) return mismatch(schema, value, at);
    const decoded: MutableJsonObject = {};
    for (const key in value) {
      const member = value[key];
      if (member === undefined) continue;
      // Keys are seen in errors of nested fields only.
      if (isNested) at.path.push([key]);
      setMember(decoded, key, member === null ? zero : decode(member, at));
      if (isNested) at.path.pop();
    }
    return decoded;
  };
}

const INT32_MAX = 2 ** 31 - 1;

function decodeInteger(schema: IntegerSchema, value: JsonValue, at: Decoding): number {
  if (typeof value !== "number") return mismatch(schema, value, at);
  // 64-bit values beyond 2^53 have lost digits when the JSON was read: better refused than changed.
  const isInRange = schema.bits === 32 ? value >= ~INT32_MAX && value <= INT32_MAX : Number.isSafeInteger(value);
  return isInRange && Number.isInteger(value) ? value : mismatch(schema, value, at, `number ${value}`);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function decodeBytes(schema: BytesSchema, value: JsonValue, at: Decoding): string {
  if (typeof value !== "string") return mismatch(schema, value, at);
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, "") : value;
  if (text.length % 4 === 0 && BASE64.test(text)) return text;
  const wrong = /[^A-Za-z0-9+/]/.exec(value)?.index ?? value.length - (value.length % 4);
  throw at.fail(`illegal base64 data at input byte ${wrong}`);
}

const decodeQuantity: Decode = (value, at) => {
  const text = typeof value === "number" || typeof value === "string" ? canonicalQuantity(String(value)) : undefined;
  if (text === undefined) throw at.fail(QUANTITY_TEXT);
  return text;
};

const decodeIntOrString: Decode = (value, at) => {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= INT32_MAX) return value;
  const what = typeof value === "number" ? `number ${value}` : goValue(value);
  throw at.fail(`json: cannot unmarshal ${what} into Go value of type int32`);
};

/** What Go makes of a null in a list or map. */
function zeroOf(schema: Schema): JsonValue {
  switch (schema.type) {
    case "string":
    case "bytes":
      return "";
    case "boolean":
      return false;
    case "integer":
    case "number":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "list":
      return [];
    case "map":
    case "object":
      return {};
    case "time":
    case "any":
      return null;
    default:
      throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
  }
}

function mismatch(schema: Schema, value: JsonValue, at: Decoding, what = goValue(value)): never {
  const names = at.path.filter((segment) => typeof segment === "string").join(".");
  const place = at.struct === "" ? "value" : `struct field ${at.struct}.${names}`;
  throw at.fail(`json: cannot unmarshal ${what} into Go ${place} of type ${goType(schema)}`);
}

function unknownField(name: string, at: Decoding): void {
  if (at.strictErrors.length >= STRICT_ERRORS_MAX) return;
  const segments = [...at.path, name].map((segment) => (typeof segment === "number" ? `[${segment}]` : `.${segment}`));
  at.strictErrors.push(`unknown field ${JSON.stringify(segments.join("").replace(/^\./, ""))}`);
}
