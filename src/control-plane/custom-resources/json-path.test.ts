import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "#base/json.ts";
import { parseJsonPath, valuesAt } from "./json-path.ts";

const root: JsonValue = {
  spec: {
    name: "a",
    ports: [
      { name: "http", port: 80 },
      { name: "https", port: 443 },
    ],
    "a.b": { "c/d": 1 },
    empty: [],
  },
  status: {
    conditions: [
      { type: "Ready", status: "True" },
      { type: "io.example/odd", status: "False" },
    ],
  },
};

const table: readonly (readonly [path: string, values: readonly JsonValue[]])[] = [
  [".", [root]],
  [".spec.name", ["a"]],
  ["spec.name", ["a"]],
  [".spec['name']", ["a"]],
  ['.spec["a.b"]["c/d"]', [1]],
  [".spec.a\\.b.c/d", [1]],
  [".spec.ports[0].name", ["http"]],
  [".spec.ports[-1].port", [443]],
  [".spec.ports[2].port", []],
  [".spec.ports[*].port", [80, 443]],
  [".spec.ports[0:1].port", [80]],
  [".spec.ports[1:].port", [443]],
  [".spec.ports[0,1].port", [80, 443]],
  [".spec.ports[0]['name','port']", ["http", 80]],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  [".status.conditions[?(@.type=='Ready')].status", ["True"]],
  ['.status.conditions[?(@.type == "io.example/odd")].status', ["False"]],
  ['.status.conditions[?(@.type!="Ready")].type', ["io.example/odd"]],
  [".spec.ports[?(@.port>=100)].name", ["https"]],
  [".spec.ports[?(@.port<100)].name", ["http"]],
  [".spec.ports[?(@.name)].port", [80, 443]],
  [".spec.ports[?(@.missing)].port", []],
  [".spec.ports[?(@.name>1)].port", []],
  ["..port", [80, 443]],
  [".spec..name", ["a", "http", "https"]],
  [".spec.*.name", []],
  [".spec.missing.name", []],
  [".spec.name.further", []],
  [".constructor", []],
];
for (const [path, values] of table) {
  test(`valuesAt ${path}`, () => {
    const parsed = parseJsonPath(path);
    assert.ok(parsed !== undefined);
    assert.deepEqual(valuesAt(parsed, root), values);
  });
}

for (const path of ["..", ".a..", ".a[", ".a[b]", ".a[?(b)]", ".a[?(@.b==)]", ".a b", ".a[]", "{.a}", ".a.[x]"]) {
  test(`parseJsonPath does not know ${path}`, () => {
    assert.equal(parseJsonPath(path), undefined);
  });
}

const names = fc.oneof(
  fc.constantFrom("a", "b-c", "d.e", "f/g", "it's", 'say "x"', "[0]", "back\\slash", "__proto__x"),
  fc.string({ minLength: 1 }),
);

test("valuesAt finds what parseJsonPath reads of any names and indexes", () => {
  const steps = fc.array(fc.oneof(names, fc.nat({ max: 3 })), { minLength: 1, maxLength: 5 });
  const property = fc.property(steps, fc.boolean(), (path, isQuoted) => {
    const value = path.reduceRight<JsonValue>(
      (inner, step) => (typeof step === "number" ? [...Array<JsonValue>(step).fill(null), inner] : { [step]: inner }),
      "found",
    );
    const text = path.map((step) => {
      if (typeof step === "number") return `[${step}]`;
      if (isQuoted) return `['${step.replace(/[\\']/g, "\\$&")}']`;
      return `.${step.replace(/[^A-Za-z0-9]/g, "\\$&")}`;
    });
    const parsed = parseJsonPath(text.join(""));
    assert.ok(parsed !== undefined, text.join(""));
    assert.deepEqual(valuesAt(parsed, value), ["found"]);
  });
  fc.assert(property, { numRuns: 500 });
});

test("parseJsonPath never throws, and valuesAt takes whatever it gives", () => {
  const piece = fc.constantFrom(
    ".",
    "..",
    "[",
    "]",
    "*",
    "?(",
    ")",
    "@",
    "a",
    "'",
    '"',
    "==",
    "1",
    ":",
    ",",
    "\\",
    " ",
  );
  const property = fc.property(fc.array(piece), fc.jsonValue(), (pieces, value) => {
    const parsed = parseJsonPath(pieces.join(""));
    // What fast-check calls JSON is JSON.
    if (parsed !== undefined) valuesAt(parsed, value as JsonValue);
  });
  fc.assert(property, { numRuns: 2000 });
});
