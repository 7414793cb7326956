import assert from "node:assert/strict";
import { test } from "node:test";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { formatJson, lookup, omitEmpty, parseJson, sortKeys } from "./go-json.ts";

function object(text: string): JsonObject {
  const value = parseJson(text);
  assert.ok(isJsonObject(value));
  return value;
}

const LOOKUPS = [
  { what: "the exact key", json: '{"bridge":"a"}', found: "a" },
  { what: "any case", json: '{"BRIDGE":"a"}', found: "a" },
  { what: "the later spelling, though the earlier is exact", json: '{"bridge":"a","Bridge":"b"}', found: "b" },
  { what: "the later spelling, which is exact", json: '{"Bridge":"b","bridge":"a"}', found: "a" },
  { what: "the last of equal keys", json: '{"bridge":"a","bridge":"b"}', found: "b" },
  { what: "what is not null", json: '{"bridge":"a","BRIDGE":null}', found: "a" },
  { what: "undefined for null", json: '{"bridge":null}', found: undefined },
  { what: "undefined for nothing", json: '{"bridges":1}', found: undefined },
  { what: "undefined for what objects inherit", json: '{"bridges":1}', key: "constructor", found: undefined },
  { what: "a key that is special in JavaScript", json: '{"__proto__":"x"}', key: "__proto__", found: "x" },
] as const;

for (const row of LOOKUPS) {
  test(`lookup finds ${row.what}`, () => {
    assert.equal(lookup(object(row.json), "key" in row ? row.key : "bridge"), row.found);
  });
}

test("formatJson escapes as Go does", () => {
  assert.equal(formatJson({ msg: "<a> & \u2028" }), '{"msg":"\\u003ca\\u003e \\u0026 \\u2028"}');
});

test("sortKeys sorts objects at every depth and leaves lists alone", () => {
  assert.equal(formatJson(sortKeys(object('{"b":[{"d":1,"c":2},3],"a":null}'))), '{"a":null,"b":[{"c":2,"d":1},3]}');
});

test("omitEmpty drops undefined, empty strings and empty lists, and keeps zero and false", () => {
  assert.deepEqual(omitEmpty({ a: undefined, b: "", c: [], d: 0, e: false, f: "x" }), { d: 0, e: false, f: "x" });
});

for (const text of ["", "  \n", "{", "junk", "\ufeff{}"]) {
  test(`parseJson throws a SyntaxError for ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseJson(text), SyntaxError);
  });
}
