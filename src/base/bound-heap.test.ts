import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MODULE = fileURLToPath(new URL("./bound-heap.ts", import.meta.url));

/** Makes objects that live for a while, with turns of the event loop between, and tells the largest new space in MB. */
const program = (bounds: boolean): string => `
  import { getHeapSpaceStatistics } from "node:v8";
  import { boundHeap } from ${JSON.stringify(MODULE)};
  if (${bounds}) boundHeap();
  let largest = 0;
  let objects = [];
  for (let round = 0; round < 192; round++) {
    for (let index = 0; index < 10_000; index++) objects.push({ index, list: [index] });
    if (round % 48 === 47) objects = [];
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    largest = Math.max(largest, space.space_size / 2 ** 20);
    await new Promise(setImmediate);
  }
  console.log(largest);
`;

function largestNewSpace(bounds: boolean): number {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module-typescript", "--disable-warning=ExperimentalWarning", "--eval", program(bounds)],
    { encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  return Number(stdout);
}

test("boundHeap keeps the space for new objects small", () => {
  const [bounded, free] = [largestNewSpace(true), largestNewSpace(false)];
  // One doubling may come before the process hears of the last.
  assert.ok(bounded <= 64 && bounded < free, JSON.stringify({ bounded, free }));
});
