/**
 * OpenAPI v2 with nothing in it. kubectl validates with v3, but for lists and for kinds that no v3 document has it asks
 * for v2 as well, in protobuf, and refuses to go on without; what it does not find there it leaves to the server.
 * Source: OpenAPI Specification 2.0; field numbers of openapiv2.Document in google/gnostic's OpenAPIv2.proto.
 */
import { lengthDelimited, tag, WIRE_LENGTH } from "#base/protobuf-wire.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { type ApiRequest, headerOf } from "./api-message.ts";

const INFO = { title: "Kubernetes", version: "v1" };
const PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

const field = (number: number, payload: Buffer): Buffer =>
  Buffer.concat([tag(number, WIRE_LENGTH), lengthDelimited(payload)]);
const text = (number: number, value: string): Buffer => field(number, Buffer.from(value));

const DOCUMENT = Buffer.concat([
  text(1, "2.0"),
  field(2, Buffer.concat([text(1, INFO.title), text(2, INFO.version)])),
  field(8, Buffer.alloc(0)),
]);
const JSON_DOCUMENT = JSON.stringify({ swagger: "2.0", info: INFO, paths: {} });

export function openApiV2Answer(request: ApiRequest): Answer {
  const wantsProtobuf = (headerOf(request, "accept") ?? "").includes("protobuf");
  return wantsProtobuf ? { status: 200, contentType: PROTOBUF_TYPE, body: DOCUMENT } : jsonAnswer(200, JSON_DOCUMENT);
}
