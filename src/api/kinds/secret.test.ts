import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { secret } from "./secret.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("secret is Opaque unless it says what it is", () => {
  assert.equal(createObject(secret, {}).type, "Opaque");
});

test("secret moves stringData into data, where it wins", () => {
  const { data, stringData } = createObject(secret, {
    data: { a: base64("old"), b: base64("kept") },
    stringData: { a: "new", c: "Grüße 🎉", empty: "" },
  });
  assert.equal(stringData, undefined);
  assert.deepEqual(data, { a: base64("new"), b: base64("kept"), c: base64("Grüße 🎉"), empty: "" });
});

test("secret moves stringData into data on updates, too", () => {
  const old = createObject(secret, { data: { a: base64("x") } });
  const next = secret.prepareForUpdate?.({ ...old, stringData: { b: "y" } }, old);
  assert.deepEqual(next?.data, { a: base64("x"), b: base64("y") });
  assert.equal("stringData" in (next ?? {}), false);
});

const redacted = 'Invalid value: "<secret contents redacted>"';
const types: readonly (readonly [type: string, members: JsonObject, problems: readonly string[]])[] = [
  ["Opaque", {}, []],
  ["example.com/mine", {}, []],
  [
    "kubernetes.io/service-account-token",
    {},
    ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  ],
  [
    "kubernetes.io/service-account-token",
    { metadata: { annotations: { "kubernetes.io/service-account.name": "x" } } },
    [],
  ],
  ["kubernetes.io/dockercfg", {}, ["data[.dockercfg]: Required value"]],
  ["kubernetes.io/dockerconfigjson", { stringData: { ".dockerconfigjson": "{}" } }, []],
  [
    "kubernetes.io/dockerconfigjson",
    { stringData: { ".dockerconfigjson": "{" } },
    [`data[.dockerconfigjson]: ${redacted}: invalid JSON`],
  ],
  [
    "kubernetes.io/dockercfg",
    { stringData: { ".dockercfg": "[]" } },
    [`data[.dockercfg]: ${redacted}: json: cannot unmarshal into an object`],
  ],
  ["kubernetes.io/basic-auth", {}, ["data[username]: Required value", "data[password]: Required value"]],
  ["kubernetes.io/basic-auth", { stringData: { password: "" } }, []],
  ["kubernetes.io/ssh-auth", { stringData: { "ssh-privatekey": "" } }, ["data[ssh-privatekey]: Required value"]],
  ["kubernetes.io/ssh-auth", { stringData: { "ssh-privatekey": "k" } }, []],
  ["kubernetes.io/tls", { stringData: { "tls.crt": "c" } }, ["data[tls.key]: Required value"]],
  ["kubernetes.io/tls", { stringData: { "tls.crt": "c", "tls.key": "" } }, []],
];

for (const [type, members, problems] of types) {
  test(`secret of type ${type} with ${JSON.stringify(members)}`, () => {
    assert.deepEqual(problemsOfCreate(secret, { ...members, type }), problems);
  });
}

test("secret holds no more than 1 MiB, and only keys that can be files", () => {
  const half = "x".repeat(512 * 1024);
  assert.deepEqual(problemsOfCreate(secret, { stringData: { a: half, b: half } }), []);
  assert.deepEqual(problemsOfCreate(secret, { stringData: { a: half, b: `${half}x` } }), [
    "data: Too long: may not be more than 1048576 bytes",
  ]);
  assert.match(problemsOfCreate(secret, { stringData: { "a/b": "" } })[0] ?? "", /^data.*a valid config key must/);
});

test("secret type cannot change", () => {
  const old = createObject(secret, { type: "a/b" });
  assert.deepEqual(problemsOfUpdate(secret, old, { type: "c/d" }), ['type: Invalid value: "c/d": field is immutable']);
});

test("an immutable secret keeps its data and stays immutable", () => {
  const old = createObject(secret, { immutable: true, data: { a: base64("x") } });
  const why = "Forbidden: field is immutable when `immutable` is set";
  assert.deepEqual(problemsOfUpdate(secret, old, { data: { a: base64("y") } }), [`data: ${why}`]);
  assert.deepEqual(problemsOfUpdate(secret, old, { stringData: { b: "y" } }), [`data: ${why}`]);
  assert.deepEqual(problemsOfUpdate(secret, old, { immutable: false }), [`immutable: ${why}`]);
  assert.deepEqual(problemsOfUpdate(secret, old, { metadata: { labels: { a: "b" } } }), []);
});

test("secret columns and field selector", () => {
  const object = createObject(secret, { stringData: { a: "", b: "" } });
  assert.deepEqual(cellsOf(secret, object), { NAME: "web", TYPE: "Opaque", DATA: 2, AGE: "60m" });
  assert.equal(secret.fieldSelectors["type"]?.(object), "Opaque");
});
