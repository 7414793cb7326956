import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createWorkQueue } from "./create-work-queue.ts";

const DEADLINE = { timeout: 10_000 };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test(
  "WorkQueue never has two workers on a key, or more than it may, and works behind each addition",
  DEADLINE,
  async () => {
    const keys = fc.constantFrom("a", "b", "c", "d", "e");
    const check = fc.asyncProperty(
      fc.array(keys, { maxLength: 40 }),
      fc.integer({ min: 1, max: 4 }),
      async (added, workers) => {
        const running = new Set<string>();
        const version = new Map<string, number>();
        const worked = new Map<string, number>();
        const drained = Promise.withResolvers<void>();
        let isAllAdded = false;
        await using queue = createWorkQueue({
          name: "test",
          workers,
          async work(key) {
            assert.ok(!running.has(key));
            running.add(key);
            assert.ok(running.size <= workers);
            const seen = version.get(key) ?? 0;
            await turn();
            worked.set(key, seen);
            running.delete(key);
            if (isAllAdded && queue.length === 1 && worked.get(key) === version.get(key)) drained.resolve();
          },
          onError: (_key, error) => drained.reject(error),
        });
        for (const [index, key] of added.entries()) {
          version.set(key, index);
          queue.add(key);
          if (index % 3 === 0) await turn();
        }
        isAllAdded = true;
        if (queue.length > 0) await drained.promise;
        assert.deepEqual(worked, version);
      },
    );
    await fc.assert(check, { numRuns: 50 });
  },
);

test("WorkQueue merges what is added in one burst", DEADLINE, async () => {
  const worked: string[] = [];
  {
    await using queue = createWorkQueue({
      name: "test",
      workers: 2,
      work: async (key) => void worked.push(key),
      onError: assert.fail,
    });
    for (const key of ["a", "b", "a", "a", "b", "c"]) queue.add(key);
    assert.equal(queue.length, 3);
    await turn();
  }
  assert.deepEqual(worked, ["a", "b", "c"]);
});

test("WorkQueue works again on a key that its own work adds, behind that", DEADLINE, async () => {
  const log: string[] = [];
  const done = Promise.withResolvers<void>();
  await using queue = createWorkQueue({
    name: "test",
    workers: 2,
    async work(key) {
      log.push("start");
      if (log.length === 1) queue.add(key);
      await turn();
      log.push("end");
      if (log.length === 4) done.resolve();
    },
    onError: assert.fail,
  });
  queue.add("a");
  await done.promise;
  assert.deepEqual(log, ["start", "end", "start", "end"]);
});

test("WorkQueue tries again what fails, and says so", DEADLINE, async () => {
  const errors: string[] = [];
  const done = Promise.withResolvers<void>();
  let attempts = 0;
  await using queue = createWorkQueue({
    name: "test",
    workers: 1,
    async work() {
      attempts++;
      if (attempts < 4) throw new Error(`attempt ${attempts}`);
      done.resolve();
    },
    onError: (key, error) => errors.push(`${key}: ${error}`),
  });
  queue.add("a");
  // The queue's own timers do not keep a process alive.
  const alive = setInterval(() => undefined, 1000);
  await done.promise;
  clearInterval(alive);
  assert.deepEqual(errors, ["a: Error: attempt 1", "a: Error: attempt 2", "a: Error: attempt 3"]);
});

test("WorkQueue.addAfter keeps the earliest time, also for times beyond a month", DEADLINE, async () => {
  const done = Promise.withResolvers<void>();
  const worked: string[] = [];
  await using queue = createWorkQueue({
    name: "test",
    workers: 1,
    async work(key) {
      worked.push(key);
      if (worked.length === 2) done.resolve();
    },
    onError: assert.fail,
  });
  queue.addAfter("never", 2 ** 40);
  queue.addAfter("a", 2 ** 40);
  queue.addAfter("a", 20);
  queue.addAfter("a", 1000);
  queue.addAfter("b", 1);
  const alive = setInterval(() => undefined, 1000);
  await done.promise;
  clearInterval(alive);
  assert.deepEqual(worked, ["b", "a"]);
});

test("WorkQueue's disposal waits for workers, whose signal is aborted, and takes no more", DEADLINE, async () => {
  const log: string[] = [];
  const queue = createWorkQueue({
    name: "test",
    workers: 1,
    async work(key, signal) {
      log.push(`start ${key}`);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => setImmediate(resolve)));
      log.push(`end ${key}`);
      throw new Error("interrupted");
    },
    onError: () => log.push("error"),
  });
  queue.add("a");
  queue.add("b");
  await turn();
  queue.add("a");
  await queue[Symbol.asyncDispose]();
  queue.add("c");
  await turn();
  assert.deepEqual(log, ["start a", "end a"]);
  assert.equal(queue.length, 0);
});
