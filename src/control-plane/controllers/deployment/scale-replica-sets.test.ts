import assert from "node:assert/strict";
import { test } from "node:test";
import { currentSize, isScaling, rollingSizes, type Sizes, scaledSizes, sizeOf } from "./scale-replica-sets.ts";
import { type TestSet, testDeployment, testSet } from "./testing/deployed-sets.ts";

/** Old sets have the images web:1, web:0; the sizes after, the new one's first, or "same". */
function setUp(replicas: number, limits: { maxSurge: number; maxUnavailable: number }, given: readonly TestSet[]) {
  const deployment = testDeployment({ replicas, strategy: { rollingUpdate: limits } });
  const [newest, ...rest] = given.map((each, index) =>
    testSet(deployment, { ...(index > 0 && { image: `web:${2 - index}` }), age: index * 100, ...each }),
  );
  const sets = { current: newest, old: rest.toReversed() };
  const after = (sizes: Sizes) => [newest, ...rest].map((set) => set && (sizes.get(set) ?? sizeOf(set)));
  return { deployment, sets, after };
}

const none = { size: 0 };

const rolling: readonly {
  readonly what: string;
  readonly replicas: number;
  readonly limits: { readonly maxSurge: number; readonly maxUnavailable: number };
  readonly sets: readonly TestSet[];
  readonly after: readonly number[];
}[] = [
  {
    what: "starts with what may be added",
    replicas: 10,
    limits: { maxSurge: 3, maxUnavailable: 2 },
    sets: [none, { size: 10 }],
    after: [3, 10],
  },
  {
    what: "then removes what may be missing",
    replicas: 10,
    limits: { maxSurge: 3, maxUnavailable: 2 },
    sets: [{ size: 3, pods: 0 }, { size: 10 }],
    after: [3, 8],
  },
  {
    what: "does not grow while an old set still has the pods that it is to lose",
    replicas: 4,
    limits: { maxSurge: 0, maxUnavailable: 3 },
    sets: [
      { size: 2, available: 0 },
      { size: 1, pods: 2, available: 0 },
    ],
    after: [2, 1],
  },
  {
    what: "goes on as pods become available",
    replicas: 10,
    limits: { maxSurge: 3, maxUnavailable: 2 },
    sets: [{ size: 5, available: 3 }, { size: 8 }],
    after: [5, 5],
  },
  {
    what: "waits for pods that are not available",
    replicas: 10,
    limits: { maxSurge: 3, maxUnavailable: 2 },
    sets: [{ size: 5, available: 0 }, { size: 8 }],
    after: [5, 8],
  },
  {
    what: "removes unhealthy old pods at once, as far as the others are enough",
    replicas: 10,
    limits: { maxSurge: 0, maxUnavailable: 2 },
    sets: [
      { size: 2, available: 2 },
      { size: 8, available: 6 },
    ],
    after: [2, 6],
  },
  {
    what: "takes the oldest sets first",
    replicas: 4,
    limits: { maxSurge: 2, maxUnavailable: 1 },
    sets: [{ size: 2, available: 1 }, { size: 2 }, { size: 2 }],
    after: [2, 2, 0],
  },
  {
    what: "does not count pods that the status of a shrunk set still has",
    replicas: 3,
    limits: { maxSurge: 1, maxUnavailable: 0 },
    sets: [
      { size: 1, pods: 3, available: 3 },
      { size: 3, available: 2 },
    ],
    after: [1, 2],
  },
  {
    what: "takes back what is too many of the new",
    replicas: 2,
    limits: { maxSurge: 1, maxUnavailable: 0 },
    sets: [{ size: 5 }, { size: 1 }],
    after: [2, 1],
  },
  {
    what: "ends with the new set alone",
    replicas: 3,
    limits: { maxSurge: 1, maxUnavailable: 0 },
    sets: [{ size: 3 }, { size: 1 }],
    after: [3, 0],
  },
];

for (const { what, replicas, limits, sets: given, after: expected } of rolling) {
  test(`rollingSizes ${what}`, () => {
    const { deployment, sets, after } = setUp(replicas, limits, given);
    const sizes = rollingSizes(deployment, sets);
    const same = expected.every((size, index) => size === given[index]?.size);
    assert.deepEqual(after(sizes), expected);
    assert.equal(sizes.size === 0, same);
  });
}

const limits = { maxSurge: 3, maxUnavailable: 2 };

test("scaledSizes shares what is added, as in the documentation's example of proportional scaling", () => {
  // 10 pods, 8 old and 5 new that are not available, when the Deployment is scaled to 15.
  const given = [
    { size: 5, available: 0, desired: 10, max: 13 },
    { size: 8, desired: 10, max: 13 },
  ];
  const { deployment, sets, after } = setUp(15, limits, given);
  assert.equal(isScaling(deployment, sets), true);
  assert.deepEqual(after(scaledSizes(deployment, sets)), [7, 11]);
});

const scaled: readonly {
  readonly what: string;
  readonly replicas: number;
  readonly sets: readonly TestSet[];
  readonly after: readonly number[];
}[] = [
  { what: "resizes the only set that has pods", replicas: 5, sets: [{ size: 3, desired: 3 }, none], after: [5, 0] },
  { what: "resizes the new set when none has pods", replicas: 5, sets: [none, none], after: [5, 0] },
  {
    what: "empties old sets when the new one is complete",
    replicas: 3,
    sets: [
      { size: 3, desired: 3 },
      { size: 2, desired: 5 },
    ],
    after: [3, 0],
  },
  {
    what: "takes away in proportion",
    replicas: 5,
    sets: [
      { size: 5, available: 0, desired: 10, max: 13 },
      { size: 8, desired: 10, max: 13 },
    ],
    after: [3, 5],
  },
  {
    what: "takes all away",
    replicas: 0,
    sets: [
      { size: 5, available: 0, desired: 10, max: 13 },
      { size: 8, desired: 10, max: 13 },
    ],
    after: [0, 0],
  },
];

for (const { what, replicas, sets: given, after: expected } of scaled) {
  test(`scaledSizes ${what}`, () => {
    const { deployment, sets, after } = setUp(replicas, limits, given);
    assert.deepEqual(after(scaledSizes(deployment, sets)), expected);
  });
}

test("scaledSizes leaves a paused update alone whose number has not changed", () => {
  const { deployment, sets } = setUp(10, limits, [
    { size: 3, desired: 10, max: 13 },
    { size: 8, desired: 10, max: 13 },
  ]);
  assert.equal(isScaling(deployment, sets), false);
  assert.equal(scaledSizes(deployment, sets).size, 0);
});

test("currentSize gives a new set of Recreate all pods", () => {
  const deployment = testDeployment({ replicas: 4, strategy: { type: "Recreate" } });
  assert.equal(currentSize(deployment, testSet(deployment, { size: 0 }), []), 4);
});
