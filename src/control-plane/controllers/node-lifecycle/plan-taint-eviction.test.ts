import assert from "node:assert/strict";
import { test } from "node:test";
import type { Taint, Toleration } from "#api/kinds/pod/toleration.ts";
import { samplePod } from "../testing/sample-objects.ts";
import { planTaintEviction } from "./plan-taint-eviction.ts";

const at = (seconds: number): Date => new Date(Date.parse("2025-01-01T00:00:00Z") + seconds * 1000);
const taint = (key: string): Taint => ({ key, effect: "NoExecute" });
const tolerates = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: "Exists",
  effect: "NoExecute",
  ...(tolerationSeconds !== undefined && { tolerationSeconds }),
});

for (const { title, tolerations, taints, end } of [
  { title: "no taints", tolerations: [], taints: {}, end: undefined },
  { title: "a taint that is not tolerated", tolerations: [tolerates("b")], taints: { a: 10 }, end: 10 },
  { title: "a taint that is tolerated for ever", tolerations: [tolerates("a")], taints: { a: 10 }, end: undefined },
  { title: "a taint that is tolerated for a while", tolerations: [tolerates("a", 300)], taints: { a: 10 }, end: 310 },
  { title: "a toleration of no time", tolerations: [tolerates("a", -5)], taints: { a: 10 }, end: 10 },
  {
    title: "several taints: the first end counts",
    tolerations: [tolerates("a", 300), tolerates("b", 100)],
    taints: { a: 10, b: 20 },
    end: 120,
  },
  {
    title: "several taints, one of them not tolerated",
    tolerations: [tolerates("a", 300)],
    taints: { a: 10, b: 50 },
    end: 50,
  },
  {
    title: "several tolerations of a taint: the first that matches counts",
    tolerations: [tolerates("a", 5), tolerates("a")],
    taints: { a: 10 },
    end: 15,
  },
  { title: "everything tolerated", tolerations: [{ operator: "Exists" }], taints: { a: 10, b: 20 }, end: undefined },
] as const) {
  test(`planTaintEviction with ${title}`, () => {
    const pod = samplePod("web", { spec: { tolerations } });
    const found = Object.entries(taints).map(([key, since]) => ({ taint: taint(key), since: at(since) }));
    assert.deepEqual(planTaintEviction(pod, found), end === undefined ? undefined : at(end));
  });
}

test("planTaintEviction gives its full time to a pod that comes to a tainted node", () => {
  const lastTransitionTime = "2025-01-01T01:00:00Z";
  const pod = samplePod("web", {
    spec: { tolerations: [tolerates("a", 60)] },
    status: { conditions: [{ type: "PodScheduled", status: "True", lastTransitionTime }] },
  });
  assert.deepEqual(planTaintEviction(pod, [{ taint: taint("a"), since: at(0) }]), at(3660));
});

for (const { title, pod } of [
  { title: "is being deleted", pod: samplePod("web", { metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" } }) },
  { title: "has ended", pod: samplePod("web", { status: { phase: "Succeeded" } }) },
]) {
  test(`planTaintEviction leaves a pod alone that ${title}`, () => {
    assert.equal(planTaintEviction(pod, [{ taint: taint("a"), since: at(0) }]), undefined);
  });
}
