import assert from "node:assert/strict";
import { test } from "node:test";
import { askUntil, type Question } from "./ask-until.ts";

function counting(wanted: number, onAsk: (count: number) => void = () => undefined): Question<number> {
  let count = 0;
  return {
    what: "the count",
    ask: async () => {
      onAsk(++count);
      return count;
    },
    missing: (answer) => (answer < wanted ? `it is ${answer}` : undefined),
  };
}

test("askUntil asks again until the answer does, and gives that answer", async () => {
  assert.equal(await askUntil(counting(3), AbortSignal.timeout(10_000)), 3);
});

test("askUntil gives up when the signal aborts and says what was missing", async () => {
  const controller = new AbortController();
  const reason = new Error("no longer");
  const question = counting(10, (count) => count === 2 && controller.abort(reason));
  await assert.rejects(askUntil(question, controller.signal), {
    message: "Cannot wait any longer for the count: it is 2",
    cause: reason,
  });
});

test("askUntil rejects when a question fails", async () => {
  const question = counting(3, (count) => {
    if (count === 2) throw new Error("broken");
  });
  await assert.rejects(askUntil(question, AbortSignal.timeout(10_000)), /broken/);
});
