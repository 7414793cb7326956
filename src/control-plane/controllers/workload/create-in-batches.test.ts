import assert from "node:assert/strict";
import { test } from "node:test";
import { createInBatches } from "./create-in-batches.ts";

/** Fails from the given number on; notes how many were asked for at once. */
async function run(count: number, failFrom = Number.POSITIVE_INFINITY) {
  const batches: number[] = [];
  let open = 0;
  const outcome = await createInBatches(count, async (index) => {
    open++;
    await Promise.resolve();
    if (open > 0) batches.push(open);
    open = 0;
    if (index >= failFrom) throw new Error(`refused ${index}`);
  });
  return { ...outcome, batches };
}

const rows = [
  { count: 0, succeeded: 0, failed: 0, batches: [] },
  { count: 1, succeeded: 1, failed: 0, batches: [1] },
  { count: 10, succeeded: 10, failed: 0, batches: [1, 2, 4, 3] },
  { count: 100, failFrom: 0, succeeded: 0, failed: 1, batches: [1] },
  { count: 100, failFrom: 4, succeeded: 4, failed: 3, batches: [1, 2, 4] },
];

for (const { count, failFrom, succeeded, failed, batches } of rows) {
  test(`createInBatches makes ${succeeded} of ${count} when number ${failFrom} fails`, async () => {
    const outcome = await run(count, failFrom);
    assert.deepEqual(
      { succeeded: outcome.succeeded, failed: outcome.failed, batches: outcome.batches },
      { succeeded, failed, batches },
    );
    assert.equal(outcome.error === undefined, failed === 0);
  });
}
