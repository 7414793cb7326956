/**
 * Writes objects as Kubernetes' Go clients write them to the protobuf wire; the opposite of `decodeProtobufObject`.
 * Like Go it writes fields that are not pointers even when nobody set them.
 * Source: Kubernetes documentation, "Kubernetes Protobuf encoding".
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";
import { lengthDelimited, tag, WIRE_LENGTH } from "#base/protobuf-wire.ts";
import { apiVersionOf, type Kind } from "../kind.ts";
import { PROTOBUF_MAGIC, PROTOBUF_MEDIA_TYPE } from "./protobuf-decode.ts";
import { findScalar } from "./protobuf-scalar.ts";
import type { Field, ListSchema, ObjectSchema, Schema } from "./schema.ts";

/** The object is decoded: its members have their schemas' types. */
export function encodeProtobufObject(
  kind: Pick<Kind, "group" | "version" | "kind"> & { readonly schema: ObjectSchema },
  object: JsonObject,
): Uint8Array {
  const typeMeta = Buffer.concat([delimited(1, Buffer.from(apiVersionOf(kind))), delimited(2, Buffer.from(kind.kind))]);
  return Buffer.concat([
    PROTOBUF_MAGIC,
    delimited(1, typeMeta),
    delimited(2, writeMessage(kind.schema, object)),
    delimited(4, Buffer.from(PROTOBUF_MEDIA_TYPE)),
  ]);
}

function writeMessage(schema: ObjectSchema, object: JsonObject): Buffer {
  const parts: Buffer[] = [];
  const inlined = new Map<number, Buffer[]>();
  for (const [name, field] of Object.entries(schema.fields)) {
    if (typeof field.number === "number") {
      if (field.number > 0) parts.push(writeField(field.number, field, object[name]));
      continue;
    }
    const [outer, inner] = field.number;
    const members = inlined.get(outer) ?? [];
    members.push(writeField(inner, field, object[name]));
    inlined.set(outer, members);
  }
  for (const [outer, members] of inlined) parts.push(delimited(outer, Buffer.concat(members)));
  return Buffer.concat(parts);
}

function writeField(number: number, field: Field, value: JsonValue | undefined): Buffer {
  if (value !== undefined) return writeMember(number, field.schema, value);
  const zero = field.pointer === true ? undefined : findScalar(field.schema)?.zero;
  return zero === undefined ? Buffer.alloc(0) : writeMember(number, field.schema, zero);
}

function writeMember(number: number, schema: Schema, value: JsonValue): Buffer {
  if (schema.type === "list") return writeItems(number, schema, value);
  if (schema.type === "map" && isJsonObject(value)) {
    const entries = Object.entries(value).map(([key, member]) =>
      Buffer.concat([delimited(1, Buffer.from(key)), writeValue(2, schema.value, member ?? null)]),
    );
    return Buffer.concat(entries.map((entry) => delimited(number, entry)));
  }
  return writeValue(number, schema, value);
}

function writeItems(number: number, { item }: ListSchema, value: JsonValue): Buffer {
  const items: readonly JsonValue[] = Array.isArray(value) ? value : [];
  return Buffer.concat(items.map((member) => writeValue(number, item, member)));
}

/** A list or map inside a list or map is a message of its own, with the items in field 1. */
function writeValue(number: number, schema: Schema, value: JsonValue): Buffer {
  if (schema.type === "object") return delimited(number, writeMessage(schema, isJsonObject(value) ? value : {}));
  const scalar = findScalar(schema);
  if (scalar === undefined) return delimited(number, writeMember(1, schema, value));
  const payload = scalar.write(value);
  return scalar.wireType === WIRE_LENGTH
    ? delimited(number, payload)
    : Buffer.concat([tag(number, scalar.wireType), payload]);
}

function delimited(number: number, payload: Buffer): Buffer {
  return Buffer.concat([tag(number, WIRE_LENGTH), lengthDelimited(payload)]);
}
