import assert from "node:assert/strict";
import { test } from "node:test";
import { statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import type { JsonObject } from "#base/json.ts";
import { NOW, namesOf, type TestPod, testPod, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf } from "../workload/testing/workload-cluster.ts";
import { planStatefulSet, type StatefulSetState, statefulSetStatus } from "./plan-stateful-set.ts";

interface Given {
  readonly spec?: JsonObject;
  readonly status?: JsonObject;
  readonly pods: readonly TestPod[];
}

function stateOf({ spec = {}, status = {}, pods }: Given): StatefulSetState {
  return {
    set: draftOf(statefulSetKind, "web", {
      metadata: { generation: 2 },
      spec: { ...webTemplate(), serviceName: "web", replicas: 3, ...spec },
      status,
    }),
    pods: pods.map(testPod),
    currentRevision: "web-old",
    updateRevision: "web-new",
    now: NOW,
  };
}

function pod(ordinal: number, revision: "old" | "new" = "new", more: Partial<TestPod> = {}): TestPod {
  const name = `web-${ordinal}`;
  const labels = {
    app: "web",
    "controller-revision-hash": `web-${revision}`,
    "statefulset.kubernetes.io/pod-name": name,
    "apps.kubernetes.io/pod-index": String(ordinal),
  };
  return { name, node: "n1", readyFor: 600, labels, ...more };
}

const parallel = { podManagementPolicy: "Parallel" };
const partition = { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } };
const all = [pod(0), pod(1), pod(2)];
const allOld = [pod(0, "old"), pod(1, "old"), pod(2, "old")];

const rows: readonly (Given & {
  readonly what: string;
  readonly create?: readonly string[];
  readonly delete?: readonly string[];
})[] = [
  { what: "the first pod", pods: [], create: ["0 web-new"] },
  { what: "the next pod when the one before it is ready", pods: [pod(0)], create: ["1 web-new"] },
  { what: "nothing before the pod is ready", pods: [pod(0, "new", { isUnready: true })] },
  { what: "nothing before the pod is available", spec: { minReadySeconds: 900 }, pods: [pod(0)] },
  { what: "nothing while a pod goes", pods: [pod(0), pod(1, "new", { isTerminating: true }), pod(2)] },
  { what: "a pod that is missing in the midst", pods: [pod(0), pod(2)], create: ["1 web-new"] },
  { what: "a failed pod away", pods: [pod(0, "new", { phase: "Failed" })], delete: ["web-0"] },
  { what: "nothing when all is well", pods: all },
  {
    what: "numbers from the start that is given",
    spec: { ordinals: { start: 5 } },
    pods: [pod(5)],
    create: ["6 web-new"],
  },
  { what: "the highest pod away", pods: [...all, pod(3), pod(4)], delete: ["web-4"] },
  { what: "no pod away while one goes", pods: [...all, pod(3), pod(4, "new", { isTerminating: true })] },
  {
    what: "no pod away while a lower one is not ready",
    pods: [pod(0, "new", { isUnready: true }), pod(1), pod(2), pod(3)],
  },
  { what: "all pods at once", spec: parallel, pods: [pod(1)], create: ["0 web-new", "2 web-new"] },
  { what: "all pods away at once", spec: parallel, pods: [...all, pod(3), pod(4)], delete: ["web-4", "web-3"] },
  { what: "the highest old pod away", pods: allOld, delete: ["web-2"] },
  {
    what: "no old pod away before the new one is ready",
    pods: [...allOld.slice(0, 2), pod(2, "new", { isUnready: true })],
  },
  { what: "the next old pod away", pods: [...allOld.slice(0, 2), pod(2)], delete: ["web-1"] },
  { what: "old pods below the partition kept", spec: partition, pods: [...allOld.slice(0, 2), pod(2)] },
  { what: "the old template below the partition", spec: partition, pods: [pod(0, "old")], create: ["1 web-old"] },
  { what: "the new template from the partition on", spec: partition, pods: allOld.slice(0, 2), create: ["2 web-new"] },
  { what: "no old pods away with OnDelete", spec: { updateStrategy: { type: "OnDelete" } }, pods: allOld },
];

for (const { what, create = [], delete: names = [], ...given } of rows) {
  test(`planStatefulSet wants ${what}`, () => {
    const plan = planStatefulSet(stateOf(given));
    assert.deepEqual(
      plan.create.map(({ ordinal, revision }) => `${ordinal} ${revision}`),
      create,
    );
    assert.deepEqual(namesOf(plan.delete), names);
    assert.deepEqual(plan.relabel, []);
  });
}

test("planStatefulSet gives a pod its identity back", () => {
  const [relabeled] = planStatefulSet(
    stateOf({ pods: [pod(0), pod(1, "new", { labels: { app: "web" } }), pod(2)] }),
  ).relabel;
  assert.deepEqual(relabeled?.metadata.labels, {
    app: "web",
    "statefulset.kubernetes.io/pod-name": "web-1",
    "apps.kubernetes.io/pod-index": "1",
  });
});

test("statefulSetStatus counts pods by revision", () => {
  const pods = [pod(0, "old"), pod(1, "old", { isUnready: true }), pod(2), pod(3, "old", { isTerminating: true })];
  const { conditions: _conditions, ...status } = statefulSetStatus(stateOf({ pods }));
  assert.deepEqual(JSON.parse(JSON.stringify(status)), {
    observedGeneration: 2,
    replicas: 4,
    readyReplicas: 3,
    currentReplicas: 2,
    updatedReplicas: 1,
    currentRevision: "web-old",
    updateRevision: "web-new",
    availableReplicas: 3,
  });
});

test("statefulSetStatus makes the new revision the current one when all pods have it and are ready", () => {
  const { currentRevision, currentReplicas } = statefulSetStatus(stateOf({ pods: all }));
  assert.deepEqual([currentRevision, currentReplicas], ["web-new", 3]);
  const unready = stateOf({ pods: [pod(0), pod(1), pod(2, "new", { isUnready: true })] });
  assert.equal(statefulSetStatus(unready).currentRevision, "web-old");
});
