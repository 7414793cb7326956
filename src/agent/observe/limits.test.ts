import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleCounter } from "#dataplane/policy/contract.ts";
import { createBudget } from "./budget.ts";
import { createDropCount } from "./drop-count.ts";

test("createBudget lets so many a second through, and tells how many it did not", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const missed: number[] = [];
  using budget = createBudget({ perSecond: 2, missed: (number) => missed.push(number) });
  assert.deepEqual([budget.take(), budget.take(), budget.take(), budget.take()], [true, true, false, false]);
  mock.timers.tick(1000);
  assert.deepEqual(missed, [2]);
  assert.equal(budget.take(), true);
  mock.timers.tick(1000);
  assert.deepEqual(missed, [2], "nothing was missed in the second second");
});

test("createDropCount reads the counters only near the limit, and tells what the messages lack", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const missed: number[] = [];
  let dropped = 100;
  let reads = 0;
  const counters = (): readonly RuleCounter[] => {
    reads++;
    return [
      { direction: "ingress", reason: "isolation", verdict: "deny", packets: dropped, bytes: 0 },
      { direction: "ingress", reason: "networkpolicy/a/b ingress 0", verdict: "accept", packets: 10_000, bytes: 0 },
    ];
  };
  using count = createDropCount({ counters, missed: (number) => missed.push(number), limit: 3 });
  count.logged("p");
  dropped += 1;
  mock.timers.tick(1000);
  assert.equal(reads, 1, "at the start alone");
  for (let message = 0; message < 3; message++) count.logged("p");
  dropped += 10;
  mock.timers.tick(1000);
  assert.equal(reads, 2);
  assert.deepEqual(missed, [7]);
});
