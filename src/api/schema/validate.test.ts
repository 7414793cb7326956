import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { describeFieldError, invalid, required } from "../field-error.ts";
import { defineKind } from "../kind.ts";
import { checkConfigMapKey, checkDnsLabel, checkLabelValue, checkQualifiedName } from "../names.ts";
import { decodeObject } from "./decode.ts";
import {
  field,
  type IntOrStringSchema,
  int32,
  int32Between,
  intOrString,
  list,
  listBy,
  mapOf,
  object,
  oneOf,
  setOf,
  string,
  stringOf,
} from "./schema.ts";
import { validateObject, validateObjectUpdate } from "./validate.ts";

const named: IntOrStringSchema = { ...intOrString, check: (value) => (value === "" ? ["must not be empty"] : []) };
const port = object("io.k8s.api.test.v1.Port", "A port.", {
  name: field(1, stringOf(checkDnsLabel), "Name.", { immutable: true }),
  port: field(2, int32Between(1, 65535), "Number.", { required: true }),
  protocol: field(3, oneOf("TCP", "UDP"), "Protocol."),
});
const spec = object("io.k8s.api.test.v1.WidgetSpec", "A spec.", {
  replicas: field(1, { ...int32, min: 0 }, "How many."),
  most: field(2, { ...int32, max: 9 }, "At most."),
  ports: field(3, listBy(port, ["port"]), "Ports."),
  unique: field(4, { ...listBy(port, ["name"]), isUnique: true }, "Ports."),
  pairs: field(5, { ...listBy(port, ["port", "protocol"]), isUnique: true }, "Ports."),
  set: field(6, { ...setOf(string, { patchMerge: false }), isUnique: true }, "Set."),
  few: field(7, { ...list(string), minItems: 2, maxItems: 3 }, "A few."),
  labels: field(8, mapOf(stringOf(checkLabelValue), { checkKey: checkQualifiedName }), "Labels."),
  files: field(9, mapOf(port, { checkKey: checkConfigMapKey }), "Files."),
  mode: field(10, oneOf("On", "Off"), "Mode.", { required: true, immutable: true }),
  list: field(11, list(string), "List.", { required: true }),
  text: field(12, string, "Text.", { required: true, default: "" }),
  target: field(13, named, "Target."),
});
let kindCalls = 0;
const widget = defineKind({
  group: "test.example.com",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  doc: "A widget.",
  fields: { spec: field(2, spec, "Spec.", { required: true }) },
  validate({ spec }) {
    kindCalls++;
    // Fails when the object has not its type.
    return spec.mode.length === 0 || spec.replicas === 7 ? [invalid("spec.replicas", 7, "must not be 7")] : [];
  },
  validateUpdate: (next, old, subresource) =>
    next.spec.mode.length > 3 ? [required(`spec.${subresource}`)] : old.spec.most === 1 ? [required("spec.most")] : [],
});

const valid = { mode: "On", list: ["a"], text: "" };

function read(given: JsonObject, metadata: JsonObject = { name: "a", namespace: "b" }) {
  return decodeObject(widget, { metadata, spec: { ...valid, ...given } }).object;
}

const textsOf = (given: JsonObject) => validateObject(widget, read(given)).map(describeFieldError);

const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const cases: readonly (readonly [given: JsonObject, errors: readonly string[]])[] = [
  [{}, []],
  [{ replicas: -1 }, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]],
  [{ most: 10 }, ["spec.most: Invalid value: 10: must be less than or equal to 9"]],
  [
    { ports: [{ port: 1 }, { port: 0 }] },
    ["spec.ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
  ],
  [{ ports: [{}] }, ["spec.ports[0].port: Required value"]],
  [
    { ports: [{ port: 1, protocol: "tcp" }] },
    ['spec.ports[0].protocol: Unsupported value: "tcp": supported values: "TCP", "UDP"'],
  ],
  [{ ports: [{ port: 1 }, { port: 1 }] }, []],
  [
    {
      unique: [
        { port: 1, name: "a" },
        { port: 2, name: "a" },
      ],
    },
    ['spec.unique[1].name: Duplicate value: "a"'],
  ],
  [
    {
      pairs: [
        { port: 1, protocol: "TCP" },
        { port: 1, protocol: "UDP" },
        { port: 1, protocol: "TCP" },
      ],
    },
    ['spec.pairs[2]: Duplicate value: {"port":1,"protocol":"TCP"}'],
  ],
  [{ set: ["a", "b", "a"] }, ['spec.set[2]: Duplicate value: "a"']],
  [{ few: ["a"] }, ["spec.few: Invalid value: 1: must have at least 2 items"]],
  [{ few: ["a", "b", "c", "d"] }, ["spec.few: Too many: 4: must have at most 3 items"]],
  [{ labels: { a: "-" } }, [`spec.labels: Invalid value: "-": ${LABEL_VALUE}`]],
  [{ files: { "..": { port: 1 } } }, ["spec.files[..]: Invalid value: \"..\": must not be '..'"]],
  [{ files: { a: { port: -1 } } }, ["spec.files[a].port: Invalid value: -1: must be between 1 and 65535, inclusive"]],
  [{ list: [] }, ["spec.list: Required value"]],
  [{ mode: "" }, ["spec.mode: Required value"]],
  [{ target: "" }, ['spec.target: Invalid value: "": must not be empty']],
  [{ replicas: 7 }, ["spec.replicas: Invalid value: 7: must not be 7"]],
  [
    { list: [], replicas: -1, most: 10 },
    [
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      "spec.most: Invalid value: 10: must be less than or equal to 9",
      "spec.list: Required value",
    ],
  ],
];

for (const [given, errors] of cases) {
  test(`validateObject of ${JSON.stringify(given)} finds ${errors.length} errors`, () =>
    assert.deepEqual(textsOf(given), errors));
}

for (const given of [{ mode: null }, { mode: "Half" }, { mode: "" }]) {
  test(`validateObject does not ask the kind about ${JSON.stringify(given)}`, () => {
    kindCalls = 0;
    const object = read(given);
    assert.equal(validateObject(widget, object).length, 1);
    assert.equal(kindCalls, 0);
    assert.equal(validateObjectUpdate(widget, object, object, "").length, 0);
  });
}

test("validateObject gives an error once that the kind and its schema both find", () => {
  const strict = { ...widget, validate: () => [required("spec.list")] };
  assert.deepEqual(validateObject(strict, read({ list: [] })).map(describeFieldError), ["spec.list: Required value"]);
});

test("validateObject finds no metadata rule broken before the fields", () => {
  const errors = validateObject(widget, read({ list: [] }, { name: "A" }));
  assert.deepEqual(
    errors.map((error) => error.field),
    ["metadata.name", "metadata.namespace", "spec.list"],
  );
});

const updates: readonly (readonly [old: JsonObject, next: JsonObject, errors: readonly string[]])[] = [
  [{}, {}, []],
  [{}, { mode: "Off" }, ['spec.mode: Invalid value: "Off": field is immutable']],
  [{}, { list: ["b"], replicas: 3 }, []],
  [
    { ports: [{ port: 1, name: "a" }, { port: 2 }] },
    {
      ports: [
        { port: 2, name: "b" },
        { port: 1, name: "a" },
        { port: 3, name: "c" },
      ],
    },
    ['spec.ports[0].name: Invalid value: "b": field is immutable'],
  ],
  [
    { files: { a: { port: 1, name: "a" } } },
    { files: { a: { port: 1 }, b: { port: 1, name: "b" } } },
    ["spec.files[a].name: Invalid value: null: field is immutable"],
  ],
  [{ most: 1 }, {}, ["spec.most: Required value"]],
];

for (const [old, next, errors] of updates) {
  test(`validateObjectUpdate from ${JSON.stringify(old)} to ${JSON.stringify(next)}`, () => {
    assert.deepEqual(validateObjectUpdate(widget, read(next), read(old), "").map(describeFieldError), errors);
  });
}
