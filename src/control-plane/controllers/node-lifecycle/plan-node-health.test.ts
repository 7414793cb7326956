import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import { sampleNode } from "../testing/sample-objects.ts";
import { planNodeHealth } from "./plan-node-health.ts";

const grace = { monitorMs: 40_000, startupMs: 60_000 };
const at = (seconds: number): Date => new Date(Date.parse("2025-01-01T00:00:00Z") + seconds * 1000);
const created = { metadata: { name: "node-1", creationTimestamp: "2025-01-01T00:00:00Z" } };
const ready: Node = { ...sampleNode("node-1"), ...created };
const silent: Node = { ...ready, status: {} };

for (const { title, node, seen, now, deadline } of [
  { title: "lives until it is silent for too long", node: ready, seen: 0, now: 39, deadline: 40 },
  { title: "lives on with each sign of life", node: ready, seen: 30, now: 69, deadline: 70 },
  { title: "has more time before its first status", node: silent, seen: 0, now: 59, deadline: 60 },
]) {
  test(`planNodeHealth: a node ${title}`, () => {
    const plan = planNodeHealth(node, { seenAt: at(seen), now: at(now), grace });
    assert.deepEqual(plan, { type: "alive", deadline: at(deadline) });
  });
}

test("planNodeHealth says of a silent node that nobody knows how it is", () => {
  const plan = planNodeHealth(ready, { seenAt: at(0), now: at(40), grace });
  assert.ok(plan.type === "lost" && plan.status !== undefined);
  const [condition, ...others] = plan.status.conditions ?? [];
  const before = ready.status?.conditions?.[0];
  assert.deepEqual(condition, {
    ...before,
    status: "Unknown",
    lastTransitionTime: "2025-01-01T00:00:40Z",
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
  });
  assert.deepEqual(
    others.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    ["MemoryPressure", "DiskPressure", "PIDPressure"].map((type) => `${type} Unknown NodeStatusNeverUpdated`),
  );
  const again = planNodeHealth({ ...ready, status: plan.status }, { seenAt: at(0), now: at(400), grace });
  assert.deepEqual(again, { type: "lost", status: undefined });
});

test("planNodeHealth says of a node that never posted a status that it did not", () => {
  const plan = planNodeHealth(silent, { seenAt: at(0), now: at(60), grace });
  assert.ok(plan.type === "lost");
  assert.deepEqual(plan.status?.conditions?.[0], {
    type: "Ready",
    status: "Unknown",
    lastHeartbeatTime: "2025-01-01T00:00:00Z",
    lastTransitionTime: "2025-01-01T00:01:00Z",
    reason: "NodeStatusNeverUpdated",
    message: "Kubelet never posted node status.",
  });
});
