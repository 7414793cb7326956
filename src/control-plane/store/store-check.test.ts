import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreError } from "./store.ts";
import { createStoreCheck } from "./store-check.ts";

test("createStoreCheck says what the store says, and asks once for all who ask at once", async () => {
  let asked = 0;
  let isGone = false;
  const store = {
    async currentRevision() {
      asked += 1;
      if (isGone) throw new StoreError({ code: "unavailable", message: "etcd is gone" });
      return 7;
    },
  };
  const check = createStoreCheck({ store, maxAgeMs: 0 });
  const answers = await Promise.all([check(), check(), check()]);
  assert.deepEqual([answers, asked], [[undefined, undefined, undefined], 1]);
  isGone = true;
  let answer: string | undefined;
  while (answer === undefined) answer = await new Promise((resolve) => setImmediate(() => resolve(check())));
  assert.equal(answer, "etcd is gone");
  isGone = false;
  while (answer !== undefined) answer = await new Promise((resolve) => setImmediate(() => resolve(check())));
});

test("createStoreCheck keeps an answer, and does not wait for a store that hangs", async () => {
  let asked = 0;
  const store = {
    currentRevision: (signal: AbortSignal) => {
      asked += 1;
      const { promise, reject } = Promise.withResolvers<number>();
      signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    },
  };
  const check = createStoreCheck({ store, timeoutMs: 5, maxAgeMs: 60_000 });
  assert.equal(await check(), "no answer within 5 ms");
  assert.equal(await check(), "no answer within 5 ms");
  assert.equal(asked, 1);
});
