/**
 * Schemas as protobuf messages: for each a table of what to do with which field number, made once.
 * Fields that are not known are skipped; a field that comes twice counts as it came last.
 * Source: protobuf.dev, "Encoding"; generated.proto of k8s.io/api v0.32 for what is a message.
 */
import { DecodeError } from "#base/codec/codec.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { type Cursor, readLengthDelimited, readTag, skipValue, WIRE_LENGTH } from "#base/protobuf-wire.ts";
import { type MutableJsonObject, setMember } from "./json-member.ts";
import { findScalar, type ProtobufScalar, text } from "./protobuf-scalar.ts";
import type { Field, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";
import { zeroCheckOf } from "./zero-check.ts";

/** As deep as JSON may be; only messages that contain themselves get near. */
const DEPTH_MAX = 1000;

type ReadField = (cursor: Cursor, wireType: number, target: MutableJsonObject, depth: number) => void;
export type Message = ReadonlyMap<number, ReadField>;

export function readMessage(message: Message, cursor: Cursor, target: MutableJsonObject, depth: number): void {
  if (depth > DEPTH_MAX) throw new DecodeError("message", cursor.offset, "is nested too deeply");
  while (cursor.offset < cursor.end) {
    const { fieldNumber, wireType } = readTag(cursor);
    const read = message.get(fieldNumber);
    if (read === undefined) skipValue(cursor, wireType);
    else read(cursor, wireType, target, depth);
  }
}

/** Read when it is first met: messages may contain themselves. */
const messages = new WeakMap<ObjectSchema, Message>();

export function messageOf(schema: ObjectSchema): Message {
  let message = messages.get(schema);
  if (message === undefined) {
    message = compileMessage(schema);
    messages.set(schema, message);
  }
  return message;
}

function compileMessage(schema: ObjectSchema): Message {
  const message = new Map<number, ReadField>();
  const inlined = new Map<number, Map<number, ReadField>>();
  for (const [name, field] of Object.entries(schema.fields)) {
    if (typeof field.number === "number") {
      // 0: not on the wire.
      if (field.number > 0) message.set(field.number, fieldReader(name, field));
      continue;
    }
    const [outer, inner] = field.number;
    const members = inlined.get(outer) ?? new Map<number, ReadField>();
    inlined.set(outer, members.set(inner, fieldReader(name, field)));
    message.set(outer, (cursor, wireType, target, depth) => {
      requireWireType(cursor, wireType, WIRE_LENGTH);
      readMessage(members, readLengthDelimited(cursor, "inlined message"), target, depth + 1);
    });
  }
  return message;
}

export function fieldReader(name: string, field: Field): ReadField {
  if (field.schema.type === "list") return listReader(name, field.schema);
  if (field.schema.type === "map") return mapReader(name, field.schema);
  const isZero = zeroCheckOf(field);
  const type = valueTypeOf(field.schema);
  return (cursor, wireType, target, depth) => {
    const value = readValue(type, cursor, wireType, depth);
    // Go writes every field that is not a pointer; without a value these are absent in JSON.
    if (value !== undefined && isZero?.(value) !== true) target[name] = value;
  };
}

function listReader(name: string, { item }: ListSchema): ReadField {
  const type = valueTypeOf(item);
  return (cursor, wireType, target, depth) => {
    const given = target[name];
    // Made by this function for this one object.
    const items = (given ?? []) as JsonValue[];
    target[name] = items;
    if (type.wireType !== WIRE_LENGTH && wireType === WIRE_LENGTH) {
      const packed = readLengthDelimited(cursor, name);
      while (packed.offset < packed.end) items.push(type.read(packed, depth) ?? null);
    } else {
      items.push(readValue(type, cursor, wireType, depth) ?? null);
    }
  };
}

/** Entries are messages with the key in field 1 and the value in field 2. */
function mapReader(name: string, { value: schema }: MapSchema): ReadField {
  const type = valueTypeOf(schema);
  const entry: Message = new Map<number, ReadField>([
    [
      1,
      (cursor, wireType, target) => {
        requireWireType(cursor, wireType, WIRE_LENGTH);
        target["key"] = text.read(readLengthDelimited(cursor, "key")) ?? "";
      },
    ],
    [
      2,
      (cursor, wireType, target, depth) => {
        target["value"] = readValue(type, cursor, wireType, depth) ?? null;
      },
    ],
  ]);
  return (cursor, wireType, target, depth) => {
    requireWireType(cursor, wireType, WIRE_LENGTH);
    const read: MutableJsonObject = {};
    readMessage(entry, readLengthDelimited(cursor, name), read, depth + 1);
    const given = target[name];
    // Made by this function for this one object.
    const map = (isJsonObject(given) ? given : {}) as MutableJsonObject;
    target[name] = map;
    // Without a value it is null, which the decoder makes the type's zero.
    setMember(map, String(read["key"] ?? ""), read["value"] ?? null);
  };
}

interface ValueType {
  readonly wireType: ProtobufScalar["wireType"];
  read(cursor: Cursor, depth: number): JsonValue | undefined;
}

function valueTypeOf(schema: Schema): ValueType {
  if (schema.type === "object") {
    return {
      wireType: WIRE_LENGTH,
      read(cursor, depth) {
        const object: MutableJsonObject = {};
        readMessage(messageOf(schema), cursor, object, depth + 1);
        return object;
      },
    };
  }
  return findScalar(schema) ?? wrapperOf(schema);
}

/** A list in a list or map is a message of its own, with the items in field 1 (ExtraValue). */
function wrapperOf(schema: Schema): ValueType {
  const message: Message = new Map([[1, fieldReader("items", { number: 1, schema, doc: "" })]]);
  return {
    wireType: WIRE_LENGTH,
    read(cursor, depth) {
      const wrapper: MutableJsonObject = {};
      readMessage(message, cursor, wrapper, depth + 1);
      return wrapper["items"] ?? (schema.type === "list" ? [] : {});
    },
  };
}

function readValue(type: ValueType, cursor: Cursor, wireType: number, depth: number): JsonValue | undefined {
  requireWireType(cursor, wireType, type.wireType);
  return type.read(wireType === WIRE_LENGTH ? readLengthDelimited(cursor, "field") : cursor, depth);
}

export function requireWireType(cursor: Cursor, wireType: number, expected: number): void {
  if (wireType !== expected) throw new DecodeError("field", cursor.offset, `wire type is ${wireType}, not ${expected}`);
}
