import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseName } from "./cases.ts";
import { addBlock, figuresOf, type Series } from "./series.ts";

const block = (samplesMs: readonly number[], wallMs = 100) => ({ samplesMs, wallMs });

function series(contestant: string, rounds: readonly (readonly number[])[], change: Partial<Series> = {}): Series {
  const blocks = rounds.map((samplesMs, round) => ({ round, block: block(samplesMs) }));
  return { case: "plain", contestant, verb: "ADD", mode: "sequential", blocks, ...change };
}

const options = {
  reference: "reference",
  emptyCaseOf: (name: CaseName) => (name === "reservations-4000" ? "plain" : undefined),
} as const;

test("figuresOf compares with the reference, over all rounds and round by round", () => {
  const figures = figuresOf([series("reference", [[10], [20]]), series("ours", [[1], [4]])], options);
  const ours = figures.find(({ contestant }) => contestant === "ours");
  assert.equal(ours?.medianMs, 2.5);
  assert.equal(ours?.ratioToReference, 2.5 / 15);
  assert.deepEqual(ours?.ratioToReferenceByRound, [0.1, 0.2]);
});

test("figuresOf leaves out ratios where the reference is missing", () => {
  const [figure] = figuresOf([series("ours", [[1]])], options);
  assert.deepEqual(Object.keys(figure ?? {}).toSorted(), [
    "case",
    "contestant",
    "count",
    "maxMs",
    "medianMs",
    "minMs",
    "mode",
    "p95Ms",
    "verb",
  ]);
});

test("figuresOf gives pods per second only for pods at a time", () => {
  const many = series("ours", [[1, 2], [3]], { mode: "concurrent" });
  assert.deepEqual(
    figuresOf([series("ours", [[1]]), many], options).map(({ podsPerSecond }) => podsPerSecond),
    [undefined, 15],
  );
});

test("figuresOf compares a loaded case with the same contestant's empty case", () => {
  const all = [
    series("ours", [[2]]),
    series("reference", [[5]]),
    series("ours", [[3]], { case: "reservations-4000" }),
    series("ours", [[9]], { case: "reservations-4000", verb: "DEL" }),
  ];
  assert.deepEqual(
    figuresOf(all, options).map(({ ratioToEmptyCase }) => ratioToEmptyCase),
    [undefined, undefined, 1.5, undefined],
  );
});

test("figuresOf leaves out series without samples", () =>
  assert.deepEqual(figuresOf([series("ours", [])], options), []));

test("addBlock extends the series of the same case, contestant, verb and mode only", () => {
  const key = { case: "plain", contestant: "ours", verb: "ADD", mode: "sequential" } as const;
  let all: readonly Series[] = [];
  all = addBlock(all, key, { round: 0, block: block([1]) });
  all = addBlock(all, { ...key, verb: "DEL" }, { round: 0, block: block([2]) });
  all = addBlock(all, key, { round: 1, block: block([3]) });
  assert.deepEqual(
    all.map(({ verb, blocks }) => [verb, blocks.map(({ block: { samplesMs } }) => samplesMs)]),
    [
      ["ADD", [[1], [3]]],
      ["DEL", [[2]]],
    ],
  );
});
