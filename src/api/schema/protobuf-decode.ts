/**
 * Bodies that Kubernetes' typed clients send as protobuf, as the JSON that they stand for; strict decoding follows as
 * for any JSON. The messages are the schemas: each is compiled once into a table by field number.
 * Source: Kubernetes documentation, "Kubernetes Protobuf encoding"; generated.proto of k8s.io/apimachinery v0.32.
 */
import { DecodeError } from "#base/codec/codec.ts";
import type { JsonValue } from "#base/json.ts";
import { type Cursor, readLengthDelimited, readTag, skipValue, WIRE_LENGTH } from "#base/protobuf-wire.ts";
import { badRequestError, isApiError } from "../api-error.ts";
import type { MutableJsonObject } from "./json-member.ts";
import { fieldReader, type Message, messageOf, readMessage, requireWireType } from "./protobuf-message.ts";
import { text } from "./protobuf-scalar.ts";
import { type ObjectSchema, string } from "./schema.ts";

/** The first bytes of every such body. */
export const PROTOBUF_MAGIC = Buffer.from("k8s\0");
export const PROTOBUF_MEDIA_TYPE = "application/vnd.kubernetes.protobuf";

/** Throws ApiError 400 for broken bytes and for kinds that `findKind` does not know. */
export function decodeProtobufObject(
  findKind: (apiVersion: string, kind: string) => { readonly schema: ObjectSchema } | undefined,
  bytes: Uint8Array,
): JsonValue {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, PROTOBUF_MAGIC.length).equals(PROTOBUF_MAGIC)) {
    const expected = `[${PROTOBUF_MAGIC.join(" ")}]`;
    throw badRequestError(`provided data does not appear to be a protobuf message, expected prefix ${expected}`);
  }
  try {
    const envelope = readEnvelope({ bytes: buffer, offset: PROTOBUF_MAGIC.length, end: buffer.length });
    const { apiVersion, kind, raw, encoding, mediaType } = envelope;
    if (encoding !== "" || (mediaType !== "" && mediaType !== PROTOBUF_MEDIA_TYPE)) {
      throw badRequestError(`protobuf envelope holds ${JSON.stringify(mediaType)}, not ${PROTOBUF_MEDIA_TYPE}`);
    }
    const schema = findKind(apiVersion, kind)?.schema;
    if (schema === undefined) {
      throw badRequestError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
    }
    const object: MutableJsonObject = {};
    if (raw !== undefined) readMessage(messageOf(schema), raw, object, 0);
    return { ...object, apiVersion, kind };
  } catch (error) {
    if (isApiError(error)) throw error;
    if (error instanceof DecodeError) throw badRequestError(`error decoding protobuf: ${error.message}`, error);
    throw error;
  }
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Cursor | undefined;
  readonly encoding: string;
  readonly mediaType: string;
}

function readEnvelope(cursor: Cursor): Envelope {
  let typeMeta: Readonly<Record<string, JsonValue>> = {};
  let raw: Cursor | undefined;
  const texts: Record<number, string> = {};
  while (cursor.offset < cursor.end) {
    const { fieldNumber, wireType } = readTag(cursor);
    if (fieldNumber > 4) {
      skipValue(cursor, wireType);
      continue;
    }
    requireWireType(cursor, wireType, WIRE_LENGTH);
    const part = readLengthDelimited(cursor, "envelope");
    if (fieldNumber === 1) typeMeta = readTypeMeta(part);
    else if (fieldNumber === 2) raw = part;
    else texts[fieldNumber] = String(text.read(part));
  }
  const { apiVersion = "", kind = "" } = typeMeta;
  return {
    apiVersion: String(apiVersion),
    kind: String(kind),
    raw,
    encoding: texts[3] ?? "",
    mediaType: texts[4] ?? "",
  };
}

const TYPE_META: Message = new Map([
  [1, fieldReader("apiVersion", { number: 1, schema: string, doc: "" })],
  [2, fieldReader("kind", { number: 2, schema: string, doc: "" })],
]);

function readTypeMeta(cursor: Cursor): Readonly<Record<string, JsonValue>> {
  const typeMeta: MutableJsonObject = {};
  readMessage(TYPE_META, cursor, typeMeta, 0);
  return typeMeta;
}
