import assert from "node:assert/strict";
import { test } from "node:test";
import { countByNode, rankForDeletion } from "./rank-pods.ts";
import { NOW, namesOf, type TestPod, testPod } from "./testing/test-objects.ts";

const DAY = 86_400;

/** In each row the first pod goes before the second. */
const rows: readonly (readonly [what: string, first: Partial<TestPod>, second: Partial<TestPod>])[] = [
  ["a pod without a node before one with a node", {}, { node: "n1" }],
  ["a pending pod before a running one", { node: "n1", phase: "Pending" }, { node: "n1" }],
  ["a pending pod before one in an unknown state", { phase: "Pending" }, { phase: "Unknown" }],
  ["a pod that is not ready before a ready one", { node: "n1" }, { node: "n1", readyFor: DAY }],
  [
    "a pod that costs less before one that costs more",
    { readyFor: DAY, annotations: { "controller.kubernetes.io/pod-deletion-cost": "-5" } },
    { readyFor: 1 },
  ],
  ["a pod that is doubled up before one that is not", { node: "full", readyFor: DAY }, { node: "n1", readyFor: 1 }],
  ["a pod that is ready for a shorter time", { readyFor: 60 }, { readyFor: DAY }],
  ["a pod with more restarts", { restarts: 3, age: DAY }, { restarts: 2, age: 60 }],
  ["a younger pod", { age: 60 }, { age: DAY }],
];

for (const [what, first, second] of rows) {
  test(`rankForDeletion puts ${what}`, () => {
    const doubledUp = countByNode([testPod({ name: "x", node: "full" }), testPod({ name: "y", node: "full" })]);
    // The names would give the opposite order.
    const pods = [testPod({ name: "b", ...first }), testPod({ name: "a", ...second })];
    assert.deepEqual(namesOf(rankForDeletion(pods, { now: NOW, doubledUp })), ["b", "a"]);
    assert.deepEqual(namesOf(rankForDeletion(pods.toReversed(), { now: NOW, doubledUp })), ["b", "a"]);
  });
}

test("rankForDeletion takes ages of the same magnitude as equal, and then goes by UID", () => {
  const pods = [testPod({ name: "b", readyFor: 1000 }), testPod({ name: "a", readyFor: 1001 })];
  assert.deepEqual(namesOf(rankForDeletion(pods, { now: NOW })), ["a", "b"]);
});
