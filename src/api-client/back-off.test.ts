import assert from "node:assert/strict";
import { test } from "node:test";
import { createBackOff } from "./back-off.ts";

function backOffOf(random: number) {
  let now = 0;
  const limits = { firstMs: 100, lastMs: 1000, resetMs: 5000 };
  const backOff = createBackOff({ ...limits, random: () => random, elapsedMs: () => now });
  return { backOff, pass: (ms: number) => (now += ms) };
}

test("BackOff doubles up to its limit, and begins anew after a time without failures", () => {
  const { backOff, pass } = backOffOf(1);
  const pauses = Array.from({ length: 6 }, () => backOff.next());
  assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000]);
  pass(5000);
  assert.equal(backOff.next(), 1000);
  pass(5001);
  assert.equal(backOff.next(), 100);
  for (let failures = 0; failures < 5000; failures++) assert.ok(backOff.next() <= 1000);
});

test("BackOff's pauses are half as long at least", () => {
  const { backOff } = backOffOf(0);
  assert.deepEqual([backOff.next(), backOff.next()], [50, 100]);
});
