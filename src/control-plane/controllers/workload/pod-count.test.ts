import assert from "node:assert/strict";
import { test } from "node:test";
import { resolvePodCount } from "./pod-count.ts";

const rows = [
  { value: undefined, total: 10, up: 0, down: 0 },
  { value: 3, total: 10, up: 3, down: 3 },
  { value: "25%", total: 10, up: 3, down: 2 },
  { value: "25%", total: 4, up: 1, down: 1 },
  { value: "100%", total: 7, up: 7, down: 7 },
  { value: "0%", total: 7, up: 0, down: 0 },
  { value: "1%", total: 1, up: 1, down: 0 },
];

for (const { value, total, up, down } of rows) {
  test(`resolvePodCount: ${value} of ${total} is ${down} to ${up}`, () => {
    assert.deepEqual([resolvePodCount(value, total, "up"), resolvePodCount(value, total, "down")], [up, down]);
  });
}
