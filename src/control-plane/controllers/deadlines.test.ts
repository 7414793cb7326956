import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { createDeadlines } from "./deadlines.ts";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"], now: 0 }));
afterEach(() => mock.timers.reset());

/** In small steps: timers see the time at the end of theirs. */
function pass(ms: number): void {
  for (let step = 0; step < ms; step += 10) mock.timers.tick(10);
}

function createSubject() {
  const due: string[] = [];
  const deadlines = createDeadlines({ now: () => new Date(), onDue: (key) => void due.push(`${key} ${Date.now()}`) });
  return { due, deadlines, set: (key: string, at: number) => deadlines.set(key, new Date(at)) };
}

test("createDeadlines tells each deadline once, when it has come", () => {
  const { due, set } = createSubject();
  set("late", 300);
  set("early", 100);
  set("middle", 200);
  pass(90);
  assert.deepEqual(due, []);
  pass(1000);
  assert.deepEqual(due, ["early 100", "middle 200", "late 300"]);
});

test("createDeadlines moves and forgets deadlines", () => {
  const { due, deadlines, set } = createSubject();
  set("moved", 100);
  set("moved", 300);
  set("nearer", 500);
  set("nearer", 200);
  set("cleared", 150);
  deadlines.clear("cleared");
  pass(1000);
  assert.deepEqual(due, ["nearer 200", "moved 300"]);
});

test("createDeadlines tells what is over already, and waits for what a timer alone cannot", () => {
  const { due, set } = createSubject();
  mock.timers.tick(50);
  set("past", 10);
  mock.timers.tick(0);
  assert.deepEqual(due, ["past 50"]);
  const far = 40 * 24 * 3600 * 1000;
  set("far", far);
  for (let day = 0; day < 41; day += 1) mock.timers.tick(24 * 3600 * 1000);
  assert.equal(due.length, 2);
});

test("createDeadlines tells nothing once it is disposed", () => {
  const { due, deadlines, set } = createSubject();
  set("one", 100);
  deadlines[Symbol.dispose]();
  set("two", 100);
  mock.timers.tick(1000);
  assert.deepEqual(due, []);
});
