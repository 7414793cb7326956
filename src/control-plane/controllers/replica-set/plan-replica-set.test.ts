import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReplicaSet, replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import type { JsonObject } from "#base/json.ts";
import { ago, NOW, namesOf, type TestPod, testPod, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { planReplicaSet, replicaSetStatus, untilNextAvailableMs } from "./plan-replica-set.ts";

function replicaSet(spec: JsonObject, more: JsonObject = {}): ReplicaSet {
  return draftOf(replicaSetKind, "web", { ...more, spec: { ...webTemplate(), ...spec } });
}

const running = (name: string, more: Partial<TestPod> = {}): TestPod => ({ name, node: "n1", readyFor: 600, ...more });

const rows: readonly {
  readonly what: string;
  readonly replicas: number;
  readonly pods: readonly TestPod[];
  readonly create?: number;
  readonly delete?: readonly string[];
}[] = [
  { what: "all pods", replicas: 3, pods: [], create: 3 },
  { what: "nothing when there are enough", replicas: 1, pods: [running("a")] },
  { what: "one for a pod that failed", replicas: 1, pods: [running("a", { phase: "Failed" })], create: 1 },
  { what: "one for a pod that goes", replicas: 1, pods: [running("a", { isTerminating: true })], create: 1 },
  { what: "not more than 500 at once", replicas: 1200, pods: [], create: 500 },
  {
    what: "pods that are not ready first",
    replicas: 1,
    pods: [running("a"), { name: "b", node: "n1" }, { name: "c", phase: "Pending" }],
    delete: ["c", "b"],
  },
  { what: "all", replicas: 0, pods: [running("a"), running("b")], delete: ["a", "b"] },
];

for (const { what, replicas, pods, create = 0, delete: names = [] } of rows) {
  test(`planReplicaSet ${names.length > 0 ? "deletes" : "creates"} ${what}`, () => {
    const state = { replicaSet: replicaSet({ replicas }), pods: pods.map(testPod), relatedPods: [], now: NOW };
    const plan = planReplicaSet(state);
    assert.deepEqual([plan.create, namesOf(plan.delete)], [create, names]);
  });
}

test("planReplicaSet deletes first where pods of the same Deployment are doubled up", () => {
  const pods = [running("a", { node: "n1" }), running("b", { node: "n2" })].map(testPod);
  const relatedPods = [...pods, testPod(running("old", { node: "n2" }))];
  const plan = planReplicaSet({ replicaSet: replicaSet({ replicas: 1 }), pods, relatedPods, now: NOW });
  assert.deepEqual(namesOf(plan.delete), ["b"]);
});

test("planReplicaSet changes nothing for a ReplicaSet that goes", () => {
  const going = replicaSet({ replicas: 3 }, { metadata: { deletionTimestamp: ago(0) } });
  assert.deepEqual(planReplicaSet({ replicaSet: going, pods: [], relatedPods: [], now: NOW }), {
    create: 0,
    delete: [],
  });
});

test("replicaSetStatus counts pods, those with all labels, ready and available ones", () => {
  const web = { app: "web" };
  const pods = [
    running("a", { labels: web }),
    running("b", { labels: web, readyFor: 5 }),
    running("c", { labels: { app: "web", extra: "1" }, readyFor: 30 }),
    { name: "d" },
    running("e", { labels: web, isTerminating: true }),
    running("f", { labels: web, phase: "Succeeded" }),
  ].map(testPod);
  const state = { replicaSet: replicaSet({ minReadySeconds: 30 }, { metadata: { generation: 7 } }), pods, now: NOW };
  assert.deepEqual(JSON.parse(JSON.stringify(replicaSetStatus(state, undefined))), {
    replicas: 4,
    fullyLabeledReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 2,
    observedGeneration: 7,
  });
  assert.equal(untilNextAvailableMs(state), 25_000);
});

test("replicaSetStatus notes a failure, keeps its time, and drops it after a success", () => {
  const failure = { reason: "FailedCreate", message: "exceeded quota" } as const;
  const before = replicaSet({});
  const failed = replicaSetStatus({ replicaSet: before, pods: [], now: NOW }, failure);
  assert.deepEqual(failed.conditions, [
    { type: "ReplicaFailure", status: "True", lastTransitionTime: ago(0), ...failure },
  ]);
  const later = { replicaSet: { ...before, status: failed }, pods: [], now: new Date(NOW.getTime() + 60_000) };
  assert.deepEqual(replicaSetStatus(later, failure).conditions, failed.conditions);
  assert.equal(replicaSetStatus(later, undefined).conditions, undefined);
});
