import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { apiVersionOf } from "../kind.ts";
import { kinds } from "../kinds.ts";
import { decodeObject } from "./decode.ts";
import { decodeProtobufObject } from "./protobuf-decode.ts";
import { encodeProtobufObject } from "./protobuf-encode.ts";
import {
  any,
  boolean,
  bytes,
  field,
  int32,
  int64,
  intOrString,
  list,
  mapOf,
  microTime,
  type ObjectSchema,
  object,
  quantity,
  type Schema,
  string,
  time,
} from "./schema.ts";
import { generateValue } from "./testing/generate-object.ts";

const findKind = (apiVersion: string, name: string) =>
  kinds.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);

/** Bodies as kubectl 1.33 sends them, captured with a server that answers discovery and keeps what is posted. */
const captured: readonly (readonly [command: string, base64: string, object: JsonObject])[] = [
  [
    "create configmap a --from-literal=k=v --from-file=bin=FILE (ff 00 01)",
    "azhzAAoPCgJ2MRIJQ29uZmlnTWFwEicKEQoBYRIAGgAiACoAMgA4AEIAEgYKAWsSAXYaCgoDYmluEgP/AAEaACIA",
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { k: "v" }, binaryData: { bin: "/wAB" } },
  ],
  [
    "create secret generic s --from-literal=password=hunter2",
    "azhzAAoMCgJ2MRIGU2VjcmV0EioKEQoBcxIAGgAiACoAMgA4AEIAEhMKCHBhc3N3b3JkEgdodW50ZXIyGgAaACIA",
    { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { password: "aHVudGVyMg==" } },
  ],
  [
    "create deployment web --image=nginx:1 --replicas=0 --port=80",
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EroBCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEogBCAASDAoKCgNhcHASA3dlYhpuChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEk4SMAoFbmdpbngSB25naW54OjEqADIKCgAQABhQIgAqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA==",
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: "web" } },
        template: {
          metadata: { labels: { app: "web" } },
          spec: { containers: [{ name: "nginx", image: "nginx:1", ports: [{ containerPort: 80 }], resources: {} }] },
        },
        strategy: {},
      },
      status: {},
    },
  ],
  [
    "create service clusterip web --tcp=80:8080",
    "azhzAAoNCgJ2MRIHU2VydmljZRJpCh8KA3dlYhIAGgAiACoAMgA4AEIAWgoKA2FwcBIDd2ViEkIKGwoHODAtODA4MBIDVENQGFAiBwgAEJA/GgAoABIKCgNhcHASA3dlYhoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==",
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", labels: { app: "web" } },
      spec: {
        ports: [{ name: "80-8080", protocol: "TCP", port: 80, targetPort: 8080 }],
        selector: { app: "web" },
        type: "ClusterIP",
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    "create poddisruptionbudget p --selector=app=a --min-available=50%",
    "azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSOAoRCgFwEgAaACIAKgAyADgAQgASFwoJCAEQABoDNTAlEgoKCAoDYXBwEgFhGgoIABgAIAAoADAAGgAiAA==",
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "p" },
      spec: { minAvailable: "50%", selector: { matchLabels: { app: "a" } } },
      status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
    },
  ],
  [
    "create token sa --duration=1h --audience=x",
    "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIgChAKABIAGgAiACoAMgA4AEIAEgYKAXggkBwaBAoAEgAaACIA",
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: { audiences: ["x"], expirationSeconds: 3600 },
      status: {},
    },
  ],
];

for (const [command, base64, object] of captured) {
  test(`decodeProtobufObject reads what kubectl ${command} sends`, () => {
    const decoded = decodeProtobufObject(findKind, Buffer.from(base64, "base64"));
    assert.deepEqual(decoded, object);
    const kind = findKind(String(object["apiVersion"]), String(object["kind"]));
    assert.ok(kind);
    assert.deepEqual(decodeObject(kind, decoded), { object, strictErrors: [] });
  });
}

function testKind(schema: ObjectSchema) {
  return { group: "", version: "v1", kind: "Test", schema };
}

/** The object's bytes as a body. */
function body(payload: readonly number[], envelope: readonly number[] = []): Buffer {
  const typeMeta = Buffer.from([0x0a, 10, 0x0a, 2, ...Buffer.from("v1"), 0x12, 4, ...Buffer.from("Test")]);
  return Buffer.concat([Buffer.from("k8s\0"), typeMeta, Buffer.from([0x12, payload.length, ...payload, ...envelope])]);
}

const item = object("io.example.Item", "An item.", { name: field(1, string, "Name.") });
const schema = object("io.example.Test", "A test.", {
  text: field(1, string, "Text."),
  zero: field(2, int32, "A pointer.", { pointer: true }),
  numbers: field(3, list(int32), "Numbers."),
  since: field(4, time, "A time."),
  precise: field(5, microTime, "A time."),
  target: field(6, intOrString, "A target.", { pointer: true }),
  raw: field(7, any, "Raw."),
  inner: field([8, 1], string, "Inlined."),
  other: field([8, 2], int64, "Inlined."),
  extra: field(9, mapOf(list(string)), "Lists."),
  limits: field(10, mapOf(quantity), "Amounts."),
  item: field(11, item, "An item."),
  flag: field(12, boolean, "A flag."),
  data: field(13, bytes, "Bytes.", { pointer: true }),
  count: field(14, int32, "A count.", { required: true }),
  sizes: field(15, list(int64), "Sizes."),
});

const text = (value: string) => [value.length, ...Buffer.from(value)];
const wires: readonly (readonly [what: string, payload: readonly number[], object: JsonObject])[] = [
  ["zeros of plain fields as absent", [0x0a, 0, 0x60, 0], {}],
  ["zeros of pointers", [0x10, 0, 0x6a, 0], { zero: 0, data: "" }],
  ["zeros of fields that must be there", [0x70, 0], { count: 0 }],
  ["numbers one by one and packed", [0x18, 1, 0x1a, 2, 2, 3, 0x18, 4], { numbers: [1, 2, 3, 4] }],
  ["negative numbers", [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], { zero: -1 }],
  ["an empty time as absent", [0x22, 0, 0x2a, 0], {}],
  ["the start of 1970", [0x22, 4, 0x08, 0, 0x10, 0], { since: "1970-01-01T00:00:00Z" }],
  ["microseconds", [0x2a, 6, 0x08, 1, 0x10, 0xf7, 0xa7, 0x01], { precise: "1970-01-01T00:00:01.000021Z" }],
  [
    "whole seconds only where they are asked for",
    [0x22, 6, 0x08, 1, 0x10, 0xf7, 0xa7, 0x01],
    { since: "1970-01-01T00:00:01Z" },
  ],
  ["an IntOrString with text", [0x32, 8, 0x08, 1, 0x10, 0, 0x1a, ...text("a%")], { target: "a%" }],
  ["an IntOrString with a number", [0x32, 6, 0x08, 0, 0x10, 7, 0x1a, 0], { target: 7 }],
  ["raw JSON", [0x3a, 9, 0x0a, ...text('{"a":1}')], { raw: { a: 1 } }],
  ["no raw JSON", [0x3a, 0], {}],
  ["inlined messages", [0x42, 5, 0x0a, ...text("x"), 0x10, 3], { inner: "x", other: 3 }],
  ["wrapped lists", [0x4a, 9, 0x0a, 1, 0x6b, 0x12, 4, 0x0a, 2, 0x61, 0x62], { extra: { k: ["ab"] } }],
  ["empty wrapped lists", [0x4a, 5, 0x0a, 1, 0x6b, 0x12, 0], { extra: { k: [] } }],
  ["quantities", [0x52, 10, 0x0a, 3, 0x63, 0x70, 0x75, 0x12, 3, 0x0a, 1, 0x31], { limits: { cpu: "1" } }],
  ["map entries without a value", [0x52, 3, 0x0a, 1, 0x6b], { limits: { k: null } }],
  ["empty messages", [0x5a, 0], { item: {} }],
  ["nothing of unknown fields", [0xf8, 0x07, 1, 0x5a, 6, 0x0a, 1, 0x61, 0x62, 1, 0x61], { item: { name: "a" } }],
];

for (const [what, payload, object] of wires) {
  test(`decodeProtobufObject reads ${what}`, () =>
    assert.deepEqual(
      decodeProtobufObject(() => ({ schema }), body(payload)),
      { apiVersion: "v1", kind: "Test", ...object },
    ));
}

const broken: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  ["no bytes", Buffer.alloc(0), /expected prefix \[107 56 115 0\]$/],
  ["JSON", Buffer.from('{"kind":"Test"}'), /expected prefix \[107 56 115 0\]$/],
  ["an envelope that ends early", body([]).subarray(0, 8), /^error decoding protobuf: /],
  ["a length beyond the end", body([0x0a, 200, 1]), /^error decoding protobuf: .* needs 200 bytes/],
  ["a wrong wire type", body([0x08, 1]), /wire type is 0, not 2$/],
  ["a group", body([0xfb, 0x07]), /wire type 3 is not supported$/],
  ["raw JSON that is none", body([0x3a, 3, 0x0a, ...text("{")]), /json parse error/],
  [
    "a time that no calendar has",
    body([0x22, 10, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
    /time .* is out of range$/,
  ],
  ["another content type", body([], [0x22, ...text("application/json")]), /holds "application\/json"/],
  ["a packed encoding", body([], [0x1a, ...text("gzip")]), /^protobuf envelope/],
];

for (const [what, bytes, message] of broken) {
  test(`decodeProtobufObject refuses ${what}`, () => {
    const isExpected = (error: unknown) => isApiError(error, "BadRequest") && message.test(error.message);
    assert.throws(() => decodeProtobufObject(() => ({ schema }), bytes), isExpected);
  });
}

test("decodeProtobufObject refuses kinds that are not known", () => {
  assert.throws(() => decodeProtobufObject(() => undefined, body([])), {
    code: 400,
    message: 'no kind "Test" is registered for version "v1"',
  });
});

test("decodeProtobufObject limits how deep messages that contain themselves go", () => {
  const fields: Record<string, ReturnType<typeof field<Schema>>> = {};
  const tree = object("io.example.Tree", "A tree.", fields);
  fields["child"] = field(1, tree as Schema, "A child.");
  let payload = Buffer.alloc(0);
  const nest = (depth: number) => {
    let object: JsonObject = {};
    for (let level = 0; level < depth; level++) object = { child: object };
    return object;
  };
  payload = Buffer.from(encodeProtobufObject(testKind(tree), nest(900)));
  assert.deepEqual(
    decodeProtobufObject(() => ({ schema: tree }), payload),
    { apiVersion: "v1", kind: "Test", ...nest(900) },
  );
  payload = Buffer.from(encodeProtobufObject(testKind(tree), nest(1100)));
  assert.throws(() => decodeProtobufObject(() => ({ schema: tree }), payload), /nested too deeply/);
});

test("decodeProtobufObject reads what encodeProtobufObject writes", () => {
  const property = fc.property(generateValue(schema as ObjectSchema), (value) => {
    const object = { apiVersion: "v1", kind: "Test", ...(value as JsonObject) };
    assert.deepEqual(
      decodeProtobufObject(() => ({ schema }), encodeProtobufObject(testKind(schema), object)),
      object,
    );
  });
  fc.assert(property, { numRuns: 500 });
});
