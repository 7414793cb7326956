import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { createObject, problemsOfCreate } from "../testing/create-object.ts";
import { tokenRequest } from "./token-request.ts";

test("tokenRequest asks for an hour unless it says something else", () => {
  assert.equal(createObject(tokenRequest, {}).spec?.expirationSeconds, 3600);
  assert.equal(createObject(tokenRequest, { spec: {} }).spec?.expirationSeconds, 3600);
  assert.equal(createObject(tokenRequest, { spec: { expirationSeconds: 600 } }).spec?.expirationSeconds, 600);
});

const path = "spec.expirationSeconds: Invalid value";
const cases: readonly (readonly [spec: JsonObject, problems: readonly string[]])[] = [
  [{}, []],
  [{ expirationSeconds: 600 }, []],
  [{ expirationSeconds: 599 }, [`${path}: 599: may not specify a duration less than 10 minutes`]],
  [{ expirationSeconds: 0 }, [`${path}: 0: may not specify a duration less than 10 minutes`]],
  [{ expirationSeconds: 2 ** 32 }, []],
  [{ expirationSeconds: 2 ** 32 + 1 }, [`${path}: 4294967297: may not specify a duration larger than 2^32 seconds`]],
];

for (const [spec, problems] of cases) {
  test(`tokenRequest with ${JSON.stringify(spec)}`, () => {
    assert.deepEqual(problemsOfCreate(tokenRequest, { spec }), problems);
  });
}
