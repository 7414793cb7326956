import assert from "node:assert/strict";
import { test } from "node:test";
import { modes, planCase, split } from "./plan.ts";

const inBothModes = (...names: readonly string[]) => names.map((name) => ({ name, modes }));

test("planCase lets contestants take turns and moves the first place on", () => {
  const steps = planCase({
    case: "plain",
    contestants: inBothModes("a", "b", "c"),
    rounds: 2,
    pods: { sequential: 6, concurrent: 0 },
  });
  assert.deepEqual(
    steps.map(({ round, contestant, pods }) => `${round}${contestant}${pods}`),
    ["0a3", "0b3", "0c3", "1b3", "1c3", "1a3"],
  );
});

test("planCase measures one at a time before many at a time in each round", () => {
  const steps = planCase({
    case: "plain",
    contestants: inBothModes("a", "b"),
    rounds: 2,
    pods: { sequential: 2, concurrent: 16 },
  });
  assert.deepEqual(
    steps.map(({ round, mode, contestant, pods }) => [round, mode, contestant, pods]),
    [
      [0, "sequential", "a", 1],
      [0, "sequential", "b", 1],
      [0, "concurrent", "a", 8],
      [0, "concurrent", "b", 8],
      [1, "sequential", "b", 1],
      [1, "sequential", "a", 1],
      [1, "concurrent", "b", 8],
      [1, "concurrent", "a", 8],
    ],
  );
});

test("planCase gives every contestant all pods of every mode, in any number of rounds", () => {
  for (let rounds = 1; rounds <= 9; rounds++) {
    const steps = planCase({
      case: 0,
      contestants: inBothModes("a", "b", "c"),
      rounds,
      pods: { sequential: 30, concurrent: 240 },
    });
    for (const contestant of ["a", "b", "c"]) {
      for (const [mode, total] of [
        ["sequential", 30],
        ["concurrent", 240],
      ] as const) {
        const own = steps.filter((step) => step.contestant === contestant && step.mode === mode);
        assert.equal(
          own.reduce((sum, { pods }) => sum + pods, 0),
          total,
        );
      }
    }
  }
});

test("planCase leaves out steps without pods", () => {
  const steps = planCase({ case: 0, contestants: inBothModes("a"), rounds: 3, pods: { sequential: 1, concurrent: 0 } });
  assert.deepEqual(
    steps.map(({ pods }) => pods),
    [1],
  );
});

for (const [total, parts, expected] of [
  [30, 3, [10, 10, 10]],
  [7, 3, [2, 2, 3]],
  [1, 2, [0, 1]],
  [0, 2, [0, 0]],
] as const) {
  test(`split ${total} in ${parts}`, () => assert.deepEqual(split(total, parts), expected));
}

test("planCase asks a contestant only for its modes", () => {
  const contestants = [
    { name: "a", modes },
    { name: "b", modes: ["sequential"] as const },
  ];
  const steps = planCase({ case: 0, contestants, rounds: 1, pods: { sequential: 1, concurrent: 1 } });
  assert.deepEqual(
    steps.map(({ contestant, mode }) => [contestant, mode]),
    [
      ["a", "sequential"],
      ["b", "sequential"],
      ["a", "concurrent"],
    ],
  );
});
