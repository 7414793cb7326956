import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { defineKind } from "../kind.ts";
import { decodeObject, decodeValue, strictDecodingError } from "./decode.ts";
import { deepFreeze } from "./freeze.ts";
import {
  any,
  boolean,
  bytes,
  type Field,
  field,
  int32,
  int64,
  intOrString,
  list,
  listBy,
  mapOf,
  object,
  quantity,
  type Schema,
  string,
  time,
} from "./schema.ts";

const port = object("io.k8s.api.test.v1.Port", "A port.", {
  name: field(1, string, "Name."),
  number: field(2, int32, "Number."),
});
const spec = object("io.k8s.api.test.v1.WidgetSpec", "A spec.", {
  replicas: field(1, int32, "How many.", { pointer: true }),
  size: field(2, int64, "How large."),
  ports: field(3, listBy(port, ["name"]), "Ports."),
  args: field(4, list(string), "Arguments."),
  env: field(5, mapOf(string), "Variables."),
  byName: field(6, mapOf(port), "Ports by name."),
  limits: field(7, mapOf(quantity), "Limits."),
  data: field(8, mapOf(bytes), "Data."),
  paused: field(9, boolean, "Paused."),
  target: field(10, intOrString, "Target."),
  since: field(11, time, "Since."),
  raw: field(12, any, "Raw."),
});
const widget = defineKind({
  group: "test.example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  doc: "A widget.",
  fields: { spec: field(2, spec, "Spec.") },
});
const itself = { apiVersion: "test.example.com/v1", kind: "Widget" } as const;
const PREFIX = 'Widget in version "v1" cannot be handled as a Widget: ';

function decodeSpec(value: JsonValue) {
  const { object: decoded, strictErrors } = decodeObject(widget, deepFreeze({ ...itself, spec: value }));
  return { spec: decoded.spec, strictErrors };
}

test("decodeObject fills in apiVersion, kind and metadata", () => {
  assert.deepEqual(decodeObject(widget, {}), { object: { ...itself, metadata: {} }, strictErrors: [] });
});

const accepted: readonly (readonly [what: string, given: JsonValue, decoded: JsonValue])[] = [
  ["nulls as absent", { replicas: null, ports: null, since: null }, {}],
  ["zeros as they are", { replicas: 0, paused: false, args: [] }, { replicas: 0, paused: false, args: [] }],
  [
    "null items and members as zeros",
    { args: [null], ports: [null], env: { a: null }, limits: { cpu: null } },
    {
      args: [""],
      ports: [{}],
      env: { a: "" },
      limits: { cpu: "0" },
    },
  ],
  [
    "quantities in their one form",
    { limits: { cpu: "0.5", memory: "1024Mi", n: 2, m: 0.1 } },
    {
      limits: { cpu: "500m", memory: "1Gi", n: "2", m: "100m" },
    },
  ],
  ["base64 without line breaks", { data: { a: "aGVs\nbG8=" } }, { data: { a: "aGVsbG8=" } }],
  ["times in UTC", { since: "2024-01-01T02:00:00+02:00" }, { since: "2024-01-01T00:00:00Z" }],
  ["numbers and text", { target: "http" }, { target: "http" }],
  ["any JSON", { raw: { a: [null, { b: 1.5 }] } }, { raw: { a: [null, { b: 1.5 }] } }],
  [
    "keys that objects inherit",
    { env: JSON.parse('{"__proto__":"a","constructor":"b"}') },
    {
      env: JSON.parse('{"__proto__":"a","constructor":"b"}'),
    },
  ],
];

for (const [what, given, decoded] of accepted) {
  test(`decodeObject takes ${what}`, () => assert.deepEqual(decodeSpec(given), { spec: decoded, strictErrors: [] }));
}

const refused: readonly (readonly [given: JsonValue, problem: string])[] = [
  [{ replicas: "1" }, "json: cannot unmarshal string into Go struct field WidgetSpec.spec.replicas of type int32"],
  [{ replicas: 1.5 }, "json: cannot unmarshal number 1.5 into Go struct field WidgetSpec.spec.replicas of type int32"],
  [
    { replicas: 2 ** 31 },
    "json: cannot unmarshal number 2147483648 into Go struct field WidgetSpec.spec.replicas of type int32",
  ],
  [
    { size: 2 ** 53 },
    "json: cannot unmarshal number 9007199254740992 into Go struct field WidgetSpec.spec.size of type int64",
  ],
  [{ paused: "yes" }, "json: cannot unmarshal string into Go struct field WidgetSpec.spec.paused of type bool"],
  [{ args: [1] }, "json: cannot unmarshal number into Go struct field WidgetSpec.spec.args of type string"],
  [{ args: {} }, "json: cannot unmarshal object into Go struct field WidgetSpec.spec.args of type []string"],
  [{ env: { a: true } }, "json: cannot unmarshal bool into Go struct field WidgetSpec.spec.env of type string"],
  [{ env: [] }, "json: cannot unmarshal array into Go struct field WidgetSpec.spec.env of type map[string]string"],
  [
    { ports: [{}, { number: "a" }] },
    "json: cannot unmarshal string into Go struct field Port.spec.ports.number of type int32",
  ],
  [{ ports: ["a"] }, "json: cannot unmarshal string into Go struct field WidgetSpec.spec.ports of type v1.Port"],
  [
    { byName: { a: { name: 1 } } },
    "json: cannot unmarshal number into Go struct field Port.spec.byName.name of type string",
  ],
  [{ target: 1.5 }, "json: cannot unmarshal number 1.5 into Go value of type int32"],
  [{ target: true }, "json: cannot unmarshal bool into Go value of type int32"],
  [{ since: 1 }, "json: cannot unmarshal number into Go value of type string"],
  [{ since: "now" }, 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"'],
  [
    { limits: { cpu: "1 core" } },
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  [
    { limits: { cpu: {} } },
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  [{ data: { a: "a$==" } }, "illegal base64 data at input byte 1"],
  [{ data: { a: "aGVsb" } }, "illegal base64 data at input byte 4"],
  ["spec", "json: cannot unmarshal string into Go struct field Widget.spec of type v1.WidgetSpec"],
];

for (const [given, problem] of refused) {
  test(`decodeObject refuses the spec ${JSON.stringify(given)}`, () => {
    assert.throws(
      () => decodeSpec(given),
      (error) => isApiError(error, "BadRequest") && error.code === 400 && error.message === `${PREFIX}${problem}`,
    );
  });
}

const bodies: readonly (readonly [body: JsonValue, message: string])[] = [
  [
    { apiVersion: "v1", kind: "Pod" },
    'Pod in version "v1" cannot be handled as a Widget: converting (v1.Pod) to (test.Widget): unknown conversion',
  ],
  [
    { apiVersion: "test.example.com/v2", kind: "Widget" },
    "the API version in the data (test.example.com/v2) does not match the expected API version (test.example.com/v1)",
  ],
  [
    [1],
    String.raw`the object provided is unrecognized (must be of type Widget): couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" } (5b315d)`,
  ],
  [
    { kind: 1, a: "12345678901234567890" },
    `the object provided is unrecognized (must be of type Widget): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1,"a":"123456789012345 ...)`,
  ],
];

for (const [body, message] of bodies) {
  test(`decodeObject refuses the body ${JSON.stringify(body)}`, () => {
    assert.throws(() => decodeObject(widget, body), { name: "ApiError", code: 400, message });
  });
}

test("decodeObject drops unknown fields and tells their paths", () => {
  const { spec: decoded, strictErrors } = decodeSpec({
    bogus: 1,
    ports: [{ name: "a" }, { nmae: "b" }],
    byName: { web: { nubmer: 1 } },
    nothing: null,
  });
  assert.deepEqual(decoded, { ports: [{ name: "a" }, {}], byName: { web: {} } });
  assert.deepEqual(strictErrors, [
    'unknown field "spec.bogus"',
    'unknown field "spec.ports[1].nmae"',
    'unknown field "spec.byName.web.nubmer"',
    'unknown field "spec.nothing"',
  ]);
  assert.equal(
    strictDecodingError(widget, strictErrors.slice(0, 2)).message,
    `${PREFIX}strict decoding error: unknown field "spec.bogus", unknown field "spec.ports[1].nmae"`,
  );
});

test("decodeObject tells of 100 unknown fields at most", () => {
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]));
  assert.equal(decodeSpec(many).strictErrors.length, 100);
});

test("decodeValue keeps unknown members where the schema says so", () => {
  const open = object("io.example.Open", "Anything.", { a: field(1, string, "A.") }, { keepsUnknown: true });
  const value = JSON.parse('{"a":"b","c":{"d":null},"__proto__":{"e":1}}');
  assert.deepEqual(decodeValue(open, value), { value, strictErrors: [] });
});

test("decodeValue puts the given path before unknown fields", () => {
  assert.deepEqual(decodeValue(port, { x: 1 }, "spec.ports[0]").strictErrors, ['unknown field "spec.ports[0].x"']);
  assert.throws(() => decodeValue(port, 1), { message: "json: cannot unmarshal number into Go value of type v1.Port" });
});

test("decodeValue follows schemas that contain themselves", () => {
  const fields: Record<string, Field> = {};
  const tree = object("io.example.Tree", "A tree.", fields);
  fields["children"] = field(1, list(tree as Schema), "Children.");
  const value = { children: [{ children: [{}] }, {}] };
  assert.deepEqual(decodeValue(tree, value), { value, strictErrors: [] });
  assert.deepEqual(decodeValue(tree, { children: [{ children: [{ x: 1 }] }] }).strictErrors, [
    'unknown field "children[0].children[0].x"',
  ]);
});
