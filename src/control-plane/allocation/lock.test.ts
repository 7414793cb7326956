import assert from "node:assert/strict";
import { test } from "node:test";
import { createLock } from "./lock.ts";

const never = new AbortController().signal;

test("createLock lets one in at a time, in order", async () => {
  const lock = createLock();
  const steps: string[] = [];
  const work = async (name: string): Promise<void> => {
    using _held = await lock.acquire(never);
    steps.push(`${name} in`);
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(`${name} out`);
  };
  await Promise.all(["a", "b", "c"].map(work));
  assert.deepEqual(steps, ["a in", "a out", "b in", "b out", "c in", "c out"]);
});

test("createLock: who gives up while waiting neither lets the next one in too early nor holds it up", async () => {
  const lock = createLock();
  const first = await lock.acquire(never);
  const leaving = new AbortController();
  const given = lock.acquire(leaving.signal);
  let isIn = false;
  const third = lock.acquire(never).then((held) => {
    isIn = true;
    return held;
  });
  leaving.abort(new Error("left"));
  await assert.rejects(given, /left/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isIn, false);
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  using _again = await lock.acquire(never);
});
