import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isApiError } from "../api-error.ts";
import { JSON_DEPTH_MAX, parseJson } from "./parse-json.ts";

const texts: readonly (readonly [text: string, duplicates: readonly string[]])[] = [
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ['duplicate field "a"']],
  ['{"a":1,"a":2,"a":3}', ['duplicate field "a"']],
  ['{"spec":{"x":[{"n":1},{"n":1,"m":[1,2],"n":2}]}}', ['duplicate field "spec.x[1].n"']],
  ['{"a":[[0,{"b":{},"b":{}}]],"c":{"d":1,"d":1}}', ['duplicate field "a[0][1].b"', 'duplicate field "c.d"']],
  ['{"a":"\\"a\\":1,{[", "b":"\\\\", "c":":"}', []],
  ['{"\\u0061":1,"a":2}', ['duplicate field "a"']],
  ['{"__proto__":1,"__proto__":2}', ['duplicate field "__proto__"']],
  ["[1,2]", []],
  ["null", []],
];

for (const [text, duplicates] of texts) {
  test(`parseJson of ${text} finds ${JSON.stringify(duplicates)}`, () => {
    assert.deepEqual(parseJson(text), { value: JSON.parse(text), duplicates });
    assert.deepEqual(parseJson(text, { duplicates: "ignore" }), { value: JSON.parse(text), duplicates: [] });
  });
}

for (const text of ["", " \n", "{", '{"a"}', "{'a':1}", "nul", "[1,]", "\u0000", "{}{}", "NaN"]) {
  test(`parseJson refuses ${JSON.stringify(text)} with 400`, () => {
    assert.throws(
      () => parseJson(text),
      (error) => isApiError(error, "BadRequest"),
    );
  });
}

for (const duplicates of ["find", "ignore"] as const) {
  test(`parseJson limits the depth when told to ${duplicates} duplicates`, () => {
    const nested = (depth: number, text = "") => "[".repeat(depth) + text + "]".repeat(depth);
    assert.ok(parseJson(nested(JSON_DEPTH_MAX), { duplicates }));
    assert.ok(parseJson(nested(JSON_DEPTH_MAX - 1, `"${"[".repeat(5000)}"`), { duplicates }));
    for (const depth of [JSON_DEPTH_MAX + 1, 1_000_000]) {
      assert.throws(() => parseJson(nested(depth), { duplicates }), /exceeded max depth/);
    }
  });
}

test("parseJson finds each member that is written twice", () => {
  const property = fc.property(fc.jsonValue({ maxDepth: 3 }), fc.string(), (value, key) => {
    const text = JSON.stringify({ outer: [value] });
    assert.deepEqual(parseJson(text).duplicates, []);
    const name = JSON.stringify(key);
    const doubled = `{"outer":[${JSON.stringify(value)},{${name}:1,"x":${JSON.stringify(value)},${name}:2}]}`;
    assert.deepEqual(parseJson(doubled).duplicates, [`duplicate field ${JSON.stringify(`outer[1].${key}`)}`]);
  });
  fc.assert(property);
});
