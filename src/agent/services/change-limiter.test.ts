import assert from "node:assert/strict";
import { test } from "node:test";
import { createChangeLimiter } from "./change-limiter.ts";

test("createChangeLimiter holds back a Service that changes too often, and no other", () => {
  const limiter = createChangeLimiter({ perSecond: 3, intervalMs: 50 });
  const admitted = Array.from({ length: 100 }, (_, ms) => ms).filter((ms) => limiter.admits("a", ms));
  assert.deepEqual(admitted, [0, 1, 2, 52]);
  assert.equal(limiter.admits("b", 99), true);
});

test("createChangeLimiter begins anew after a second", () => {
  const limiter = createChangeLimiter({ perSecond: 1, intervalMs: 2000 });
  assert.deepEqual(
    [0, 1, 999, 1000, 1001].map((ms) => limiter.admits("a", ms)),
    [true, false, false, true, false],
  );
});
