import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, podsPerSecond, ratio, summarise } from "./statistics.ts";

const upTo = (last: number) => Array.from({ length: last }, (_, index) => last - index);

const summaries = [
  { samples: [7], expected: { count: 1, medianMs: 7, p95Ms: 7, minMs: 7, maxMs: 7 } },
  { samples: [4, 1], expected: { count: 2, medianMs: 2.5, p95Ms: 4, minMs: 1, maxMs: 4 } },
  { samples: [10, 9, 100], expected: { count: 3, medianMs: 10, p95Ms: 100, minMs: 9, maxMs: 100 } },
  { samples: upTo(20), expected: { count: 20, medianMs: 10.5, p95Ms: 19, minMs: 1, maxMs: 20 } },
  { samples: upTo(100), expected: { count: 100, medianMs: 50.5, p95Ms: 95, minMs: 1, maxMs: 100 } },
];

for (const { samples, expected } of summaries) {
  test(`summarise of ${samples.length} samples`, () => assert.deepEqual(summarise(samples), expected));
}

test("summarise answers undefined for no samples", () => assert.equal(summarise([]), undefined));

test("summarise leaves its input in order", () => {
  const samples = [3, 1, 2];
  summarise(samples);
  assert.deepEqual(samples, [3, 1, 2]);
});

test("median of nothing is NaN", () => assert.ok(Number.isNaN(median([]))));

for (const [share, expected] of [
  [0, 1],
  [0.5, 50],
  [0.99, 99],
  [0.991, 100],
  [1, 100],
] as const) {
  test(`percentile ${share} of 1 to 100 is ${expected}`, () => assert.equal(percentile(upTo(100), share), expected));
}

test("percentile of nothing is NaN", () => assert.ok(Number.isNaN(percentile([], 0.5))));

test("ratio is undefined when one side is missing or the reference is 0", () => {
  assert.equal(ratio(3, 6), 0.5);
  assert.equal(ratio(undefined, 6), undefined);
  assert.equal(ratio(3, undefined), undefined);
  assert.equal(ratio(3, 0), undefined);
});

test("podsPerSecond weighs blocks by their time", () => {
  assert.equal(
    podsPerSecond([
      { count: 10, wallMs: 100 },
      { count: 10, wallMs: 300 },
    ]),
    50,
  );
  assert.equal(podsPerSecond([]), undefined);
});
