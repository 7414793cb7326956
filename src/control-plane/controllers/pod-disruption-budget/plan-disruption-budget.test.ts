import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import { runningPod } from "../testing/sample-objects.ts";
import { planDisruptionBudget } from "./plan-disruption-budget.ts";

const now = new Date("2025-01-01T00:10:00Z");

function budgetOf(spec: PodDisruptionBudget["spec"], status?: PodDisruptionBudget["status"]): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace: "default", generation: 3 },
    spec,
    ...(status !== undefined && { status }),
  };
}

/** "r" ready, "n" not ready, "d" being deleted */
function podsOf(states: string) {
  return [...states].map((state, index) =>
    runningPod(`p${index}`, `10.0.0.${index + 1}`, {
      isReady: state !== "n",
      ...(state === "d" && { metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" } }),
    }),
  );
}

for (const { spec, pods, scale, counts } of [
  // disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods
  { spec: { minAvailable: 2 }, pods: "rrr", scale: 0, counts: [1, 3, 2, 3] },
  { spec: { minAvailable: 2 }, pods: "rrnd", scale: 0, counts: [0, 2, 2, 4] },
  { spec: { minAvailable: 0 }, pods: "rr", scale: 0, counts: [2, 2, 0, 2] },
  { spec: { minAvailable: 5 }, pods: "", scale: 0, counts: [0, 0, 5, 0] },
  { spec: { minAvailable: "50%" }, pods: "rrr", scale: 5, counts: [0, 3, 3, 5] },
  { spec: { maxUnavailable: 1 }, pods: "rrr", scale: 3, counts: [1, 3, 2, 3] },
  { spec: { maxUnavailable: 1 }, pods: "rrn", scale: 3, counts: [0, 2, 2, 3] },
  { spec: { maxUnavailable: "30%" }, pods: "rrrr", scale: 4, counts: [2, 4, 2, 4] },
  { spec: { maxUnavailable: 9 }, pods: "rr", scale: 2, counts: [2, 2, 0, 2] },
  { spec: {}, pods: "rr", scale: 0, counts: [0, 2, 0, 0] },
]) {
  test(`planDisruptionBudget of ${JSON.stringify(spec)} with pods "${pods}" of ${scale}`, () => {
    const budget = budgetOf(spec);
    const { next } = planDisruptionBudget({ budget, pods: podsOf(pods), scale, now });
    const status = next?.status;
    assert.deepEqual(
      [status?.disruptionsAllowed, status?.currentHealthy, status?.desiredHealthy, status?.expectedPods],
      counts,
    );
    const [condition] = status?.conditions ?? [];
    assert.equal(condition?.reason, (counts[0] ?? 0) > 0 ? "SufficientPods" : "InsufficientPods");
    assert.equal(status?.observedGeneration, 3);
    const later = new Date("2025-01-01T01:00:00Z");
    const again = planDisruptionBudget({ budget: { ...budget, status }, pods: podsOf(pods), scale, now: later });
    assert.deepEqual(again, { next: undefined, recheckAt: undefined });
  });
}

test("planDisruptionBudget does not count pods that are being evicted, until that has failed", () => {
  const disruptedPods = { p0: "2025-01-01T00:09:00Z", p1: "2025-01-01T00:07:00Z", gone: "2025-01-01T00:09:30Z" };
  const budget = budgetOf(
    { minAvailable: 1 },
    { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0, disruptedPods },
  );
  const { next, recheckAt } = planDisruptionBudget({ budget, pods: podsOf("rrr"), scale: 0, now });
  assert.deepEqual(next?.status?.disruptedPods, { p0: "2025-01-01T00:09:00Z" });
  assert.equal(next?.status?.currentHealthy, 2);
  assert.deepEqual(recheckAt, new Date("2025-01-01T00:11:00Z"));
});

test("planDisruptionBudget allows nothing when it cannot tell how many pods there should be", () => {
  const scale = { error: "jobs.batch does not implement the scale subresource" };
  const { next } = planDisruptionBudget({ budget: budgetOf({ maxUnavailable: 1 }), pods: podsOf("rr"), scale, now });
  assert.equal(next?.status?.disruptionsAllowed, 0);
  const [condition] = next?.status?.conditions ?? [];
  assert.deepEqual([condition?.reason, condition?.message], ["SyncFailed", scale.error]);
});
