import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { applyJsonPatch } from "./json-patch.ts";

const CASES: readonly (readonly [what: string, object: JsonValue, patch: JsonValue, expected: JsonValue])[] = [
  ["adds a member", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["adds over a member", { a: 1 }, [{ op: "add", path: "/a", value: null }], { a: null }],
  ["inserts into a list", [1, 3], [{ op: "add", path: "/1", value: 2 }], [1, 2, 3]],
  ["appends to a list", [1], [{ op: "add", path: "/-", value: 2 }], [1, 2]],
  ["removes a member", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["removes an item", [1, 2, 3], [{ op: "remove", path: "/1" }], [1, 3]],
  ["removes the last item by -1", [1, 2, 3], [{ op: "remove", path: "/-1" }], [1, 2]],
  ["replaces a member", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: [] }], { a: { b: [] } }],
  ["replaces an item by -1", [1, 2], [{ op: "replace", path: "/-1", value: 3 }], [1, 3]],
  ["replaces the whole", { a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
  ["moves", { a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
  ["moves in a list", [1, 2, 3], [{ op: "move", from: "/0", path: "/2" }], [2, 3, 1]],
  ["copies", { a: [1] }, [{ op: "copy", from: "/a", path: "/b" }], { a: [1], b: [1] }],
  [
    "reads escapes",
    { "a/b": 1, "m~n": 2 },
    [
      { op: "remove", path: "/a~1b" },
      { op: "remove", path: "/m~0n" },
    ],
    {},
  ],
  ["reads ~01 as ~1", { "~1": 1 }, [{ op: "remove", path: "/~01" }], {}],
  [
    "tests deeply",
    { a: { x: 1, y: [2] } },
    [{ op: "test", path: "/a", value: { y: [2], x: 1 } }],
    { a: { x: 1, y: [2] } },
  ],
  ["tests null for what is absent", { a: 1 }, [{ op: "test", path: "/b", value: null }], { a: 1 }],
  ["sets a member called __proto__", {}, [{ op: "add", path: "/__proto__", value: 1 }], JSON.parse('{"__proto__":1}')],
  ["ignores members it does not know", { a: 1 }, [{ op: "remove", path: "/a", comment: "x" }], {}],
];

for (const [what, object, patch, expected] of CASES) {
  test(`applyJsonPatch ${what}`, () => {
    const before = JSON.stringify(object);
    assert.equal(JSON.stringify(applyJsonPatch(object, patch)), JSON.stringify(expected));
    assert.equal(JSON.stringify(object), before);
  });
}

const BAD = [
  ["an object", {}],
  ["a text", "x"],
  ["null", null],
  ["an operation that is no object", [1]],
  ["a path without slash", [{ op: "add", path: "a", value: 1 }]],
  ["a path that is no text", [{ op: "remove", path: 1 }]],
  ["no path", [{ op: "remove" }]],
  ["no value", [{ op: "add", path: "/a" }]],
  ["no from", [{ op: "copy", path: "/a" }]],
] as const;

for (const [what, patch] of BAD) {
  test(`applyJsonPatch answers ${what} with 400`, () => {
    assert.throws(
      () => applyJsonPatch({ a: 1 }, patch),
      (error) => isApiError(error, "BadRequest") && error.code === 400,
    );
  });
}

const REJECTED = [
  ["a failed test", [{ op: "test", path: "/a", value: 2 }]],
  ["a test for null of what is there", [{ op: "test", path: "/a", value: null }]],
  ["an unknown operation", [{ op: "merge", path: "/a" }]],
  ["removing what is not there", [{ op: "remove", path: "/b" }]],
  ["removing a member of Object", [{ op: "remove", path: "/constructor" }]],
  ["replacing what is not there", [{ op: "replace", path: "/b", value: 1 }]],
  ["a missing parent", [{ op: "add", path: "/b/c", value: 1 }]],
  ["a parent that is no container", [{ op: "add", path: "/a/c", value: 1 }]],
  ["an index beyond the end", [{ op: "add", path: "/l/3", value: 1 }]],
  ["an index with a leading zero", [{ op: "add", path: "/l/01", value: 1 }]],
  ["a move into itself", [{ op: "move", from: "/o", path: "/o/p" }]],
  ["removing the whole", [{ op: "remove", path: "" }]],
  [
    "a failure after good operations",
    [
      { op: "remove", path: "/a" },
      { op: "remove", path: "/a" },
    ],
  ],
] as const;

for (const [what, patch] of REJECTED) {
  test(`applyJsonPatch answers ${what} with 422`, () => {
    assert.throws(
      () => applyJsonPatch({ a: 1, l: [1, 2], o: {} }, patch),
      (error) =>
        isApiError(error, "Invalid") &&
        error.code === 422 &&
        error.message === "the server rejected our request due to an error in our request",
    );
  });
}

test("applyJsonPatch takes 10,000 operations and no more", () => {
  const add = { op: "add", path: "/-", value: 1 };
  assert.equal((applyJsonPatch([], Array(10_000).fill(add)) as readonly JsonValue[]).length, 10_000);
  assert.throws(
    () => applyJsonPatch([], Array(10_001).fill(add)),
    (error) =>
      isApiError(error, "RequestEntityTooLarge") &&
      error.message === "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
  );
});

test("applyJsonPatch stops copies of copies", () => {
  const patch = Array.from({ length: 60 }, (_, index) => ({ op: "copy", from: "/a", path: `/a/${index}x` }));
  assert.throws(
    () => applyJsonPatch({ a: { b: "x" } }, patch),
    (error) => isApiError(error, "Invalid"),
  );
});

test("applyJsonPatch either patches or throws ApiError, whatever the patch is", () => {
  const path = fc.constantFrom("", "/", "/a", "/a/0", "/a/-", "/b/c", "/__proto__/x", "a", "/a/-1", "/~2");
  const operation = fc.record(
    {
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "x"),
      path,
      from: path,
      value: fc.jsonValue(),
    },
    { requiredKeys: ["op"] },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 5 }), (operations) => {
      const patch: JsonValue = JSON.parse(JSON.stringify(operations));
      try {
        applyJsonPatch({ a: [1, { x: 1 }], b: {} }, patch);
      } catch (error) {
        assert.ok(isApiError(error), String(error));
      }
      assert.equal(Reflect.get({}, "x"), undefined);
    }),
    { numRuns: 2000 },
  );
});
