import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHeap } from "./heap.ts";

test("createHeap gives what is pushed in order, whenever it is asked", () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constant("pop" as const)));
  fc.assert(
    fc.property(steps, (all) => {
      const heap = createHeap<number>((a, b) => a < b);
      const list: number[] = [];
      for (const step of all) {
        if (step === "pop") {
          assert.equal(heap.peek(), list[0]);
          assert.equal(heap.pop(), list.shift());
        } else {
          heap.push(step);
          list.push(step);
          list.sort((a, b) => a - b);
        }
        assert.equal(heap.size, list.length);
      }
    }),
  );
});
