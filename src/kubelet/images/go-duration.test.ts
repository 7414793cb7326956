import assert from "node:assert/strict";
import { test } from "node:test";
import { goDuration } from "./go-duration.ts";

for (const [ms, text] of [
  [0, "0ms"],
  [345, "345ms"],
  [1500, "1.5s"],
  [80_000, "1m20s"],
  [300_000, "5m0s"],
] as const) {
  test(`goDuration prints ${ms} ms as ${text}`, () => assert.equal(goDuration(ms), text));
}
