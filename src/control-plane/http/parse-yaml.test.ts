import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { isApiError } from "#api/api-error.ts";
import { MAX_YAML_BYTES, parseYaml } from "./parse-yaml.ts";

for (const [text, value] of [
  ["a: 1\nb: [x, null, true, 1.5]\n", { a: 1, b: ["x", null, true, 1.5] }],
  ['{"a": {"b": "c"}}', { a: { b: "c" } }],
  ["{a: b, c: [d]}", { a: "b", c: ["d"] }],
  ["a: &x {b: 1}\nc: *x\n", { a: { b: 1 }, c: { b: 1 } }],
  ["--- {a: 1}\n---\nb: 2\n", { a: 1 }],
  ["__proto__: {a: 1}\n", JSON.parse('{"__proto__": {"a": 1}}')],
  ["# nothing\n", null],
  ["", null],
  ["data: |\n  one\n  two\n", { data: "one\ntwo\n" }],
  ["a: 2024-01-02\nb: yes\nc: 0x1f\n", { a: "2024-01-02", b: "yes", c: 31 }],
] as const) {
  test(`parseYaml reads ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(await parseYaml(text), { value, duplicates: [] });
  });
}

test("parseYaml tells keys that are there twice, and the last one counts", async () => {
  assert.deepEqual(await parseYaml("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"), {
    value: { a: 3, b: { c: 2 } },
    duplicates: ['yaml: unmarshal errors:\n  line 5: key "a" already set in map\n  line 4: key "c" already set in map'],
  });
  assert.deepEqual(await parseYaml('{"a": 1, "a": 2}'), { value: { a: 2 }, duplicates: ['duplicate field "a"'] });
});

const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${["b", "c", "d", "e", "f", "g"]
  .map((name, index) => `${name}: &${name} [${`*${"abcdef"[index]}, `.repeat(9)}]`)
  .join("\n")}\n`;

for (const [what, text, code, message] of [
  ["an alias inside of its own anchor", "a: &x\n  b: [*x]\n", 400, /yaml: anchor 'x' value contains itself/],
  ["an alias of nothing", "a: *x\n", 400, /yaml: .*[Aa]lias/],
  ["aliases that explode", bomb, 400, /yaml: Excessive alias count/],
  ["aliases of large texts", `a: &x ${"y".repeat(200_000)}\nb: [${"*x,".repeat(90)}]`, 400, /excessive aliasing/],
  ["deep lists", "[".repeat(5000), 400, /yaml: exceeded max depth|yaml: line/],
  ["deep JSON", `${"[".repeat(1001)}${"]".repeat(1001)}`, 400, /exceeded max depth/],
  ["broken flows", "a: [1,\nb: 2", 400, /^error converting YAML to JSON: yaml: line \d+: /],
  ["numbers that JSON has not", "a: .nan", 400, /unsupported value: NaN/],
  ["too much of it", "a\n".repeat(MAX_YAML_BYTES), 413, /limit is 262144 for YAML/],
] as const) {
  test(`parseYaml refuses ${what}`, async () => {
    await assert.rejects(parseYaml(text), (error) => {
      assert.ok(isApiError(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("parseYaml reads JSON of any size", async () => {
  const value = { a: "x".repeat(MAX_YAML_BYTES) };
  assert.deepEqual((await parseYaml(JSON.stringify(value))).value, value);
});

test("parseYaml reads back what is written as YAML, and refuses any other text as ApiError alone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async (value) => {
      const json = JSON.parse(JSON.stringify(value));
      assert.deepEqual((await parseYaml(stringify(json))).value, json);
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom(..."ab: -[]{}&*!|>'\"\n#?,\t1.") }), async (text) => {
      await parseYaml(text).catch((error) => assert.ok(isApiError(error), String(error)));
    }),
    { numRuns: 500 },
  );
});
