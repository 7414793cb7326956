import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkDnsLabel, checkLabelValue } from "#api/names.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { canonicalJson, templateHash } from "./template-hash.ts";

test("templateHash stays as it is from release to release", () => {
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:1" }] } };
  assert.deepEqual(
    [undefined, 0, 1].map((count) => templateHash(template, count)),
    ["794686fc5b", "7777dddbd8", "7794bbb747"],
  );
});

test("templateHash does not depend on the order of members, nor on undefined ones", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
      // What fast-check makes is JSON.
      const object = members as JsonObject;
      const turned = Object.fromEntries([...Object.entries(object).reverse(), ["absent member", undefined]]);
      assert.equal(templateHash(turned, 1), templateHash(object, 1));
    }),
  );
});

test("templateHash can be a label's value and a part of a name", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (value, count) => {
      const hash = templateHash(value as JsonValue, count);
      assert.deepEqual([...checkLabelValue(hash), ...checkDnsLabel(hash)], []);
      assert.ok(hash.length <= 10);
    }),
  );
});

test("canonicalJson is JSON of the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy: unknown = JSON.parse(JSON.stringify(value));
      assert.deepEqual(JSON.parse(canonicalJson(value as JsonValue)), copy);
    }),
  );
});
