import assert from "node:assert/strict";
import { test } from "node:test";
import { runLimited } from "./run-limited.ts";

test("runLimited tries all items, so many at a time, and gives the errors", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const errors = await runLimited([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    if (item % 2 === 0) throw new Error(`no ${item}`);
    done.push(item);
  });
  assert.deepEqual(done, [1, 3, 5]);
  assert.deepEqual(errors.map(String), ["Error: no 2", "Error: no 4"]);
  assert.equal(most, 2);
  assert.deepEqual(await runLimited([], 2, async () => undefined), []);
});
