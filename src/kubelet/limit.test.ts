import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createLimit } from "./limit.ts";

const never = new AbortController().signal;

suite("createLimit", () => {
  test("runs so many at a time, the others in order", async () => {
    const limit = createLimit(2);
    const [gates, begun]: [PromiseWithResolvers<void>[], number[]] = [[], []];
    const all = [0, 1, 2, 3].map((index) => {
      gates[index] = Promise.withResolvers<void>();
      return limit(() => {
        begun.push(index);
        return gates[index]?.promise ?? Promise.resolve();
      }, never);
    });
    await Promise.resolve();
    assert.deepEqual(begun, [0, 1]);
    gates[1]?.resolve();
    await all[1];
    assert.deepEqual(begun, [0, 1, 2]);
    for (const gate of gates) gate.resolve();
    await Promise.all(all);
    assert.deepEqual(begun, [0, 1, 2, 3]);
  });

  test("who gives up while it waits does so at once, and takes no place", async () => {
    const limit = createLimit(1);
    const gate = Promise.withResolvers<void>();
    const first = limit(() => gate.promise, never);
    const stop = new AbortController();
    const second = limit(() => assert.fail("it ran"), stop.signal);
    const third = limit(async () => "third", never);
    stop.abort(new Error("gone"));
    await assert.rejects(second, /gone/);
    gate.resolve();
    await first;
    assert.equal(await third, "third");
  });

  test("a failure makes room as well", async () => {
    const limit = createLimit(1);
    await assert.rejects(
      limit(() => Promise.reject(new Error("no")), never),
      /no/,
    );
    assert.equal(await limit(async () => 1, never), 1);
  });
});
