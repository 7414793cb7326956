import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createTurns } from "./take-turns.ts";

test("createTurns lets calls go on while there is time, and makes the others wait for the next turn", async () => {
  let now = 100;
  const turns = createTurns({ maxMs: 10, now: () => now });
  assert.equal(turns.take(), undefined);
  now = 109;
  assert.equal(turns.take(), undefined);
  now = 110;
  const waiting = turns.take();
  assert.ok(waiting !== undefined);
  let isNextTurn = false;
  void setImmediate().then(() => {
    isNextTurn = true;
  });
  await Promise.resolve();
  assert.equal(isNextTurn, false);
  await waiting;
  assert.equal(turns.take(), undefined, "the time begins anew");
});

test("createTurns gives a call loop's event loop back to timers and input", async () => {
  let now = 0;
  const turns = createTurns({ maxMs: 5, now: () => now });
  let turnsOfOthers = 0;
  const others = setInterval(() => turnsOfOthers++, 1);
  try {
    for (let call = 0; call < 20_000 && turnsOfOthers < 3; call++) {
      now++;
      await turns.take();
    }
    assert.equal(turnsOfOthers, 3);
  } finally {
    clearInterval(others);
  }
});
