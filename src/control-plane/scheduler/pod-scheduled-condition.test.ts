import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodCondition } from "#api/kinds/pod/pod-status.ts";
import { planNotScheduled } from "./pod-scheduled-condition.ts";
import { testPod } from "./testing/builders.ts";

const now = new Date("2025-01-02T03:04:05.678Z");
const wanted = { reason: "Unschedulable", message: "0/1 nodes are available: 1 Insufficient cpu." } as const;
const old: PodCondition = {
  type: "PodScheduled",
  status: "False",
  lastTransitionTime: "2025-01-01T00:00:00Z",
  ...wanted,
};
const withCondition = (...conditions: readonly PodCondition[]) => testPod("web", { status: { conditions } });

test("planNotScheduled sets the condition of that very pod, and no other", () => {
  const ready: PodCondition = { type: "Initialized", status: "True" };
  assert.deepEqual(planNotScheduled(withCondition(ready), wanted, now), {
    metadata: { uid: "uid-web" },
    status: { conditions: [{ ...old, lastTransitionTime: "2025-01-02T03:04:05Z" }] },
  });
});

test("planNotScheduled plans nothing when the pod says so already", () => {
  assert.equal(planNotScheduled(withCondition(old), wanted, now), undefined);
});

test("planNotScheduled keeps the time while only the words change", () => {
  assert.deepEqual(planNotScheduled(withCondition({ ...old, message: "else" }), wanted, now), {
    metadata: { uid: "uid-web" },
    status: { conditions: [old] },
  });
});
