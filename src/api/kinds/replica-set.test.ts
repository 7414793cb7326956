import assert from "node:assert/strict";
import { test } from "node:test";
import { replicaSet } from "./replica-set.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const SPEC = {
  selector: { matchLabels: { app: "web" } },
  template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
};

test("replicaSet has one replica and a status by default", () => {
  const object = createObject(replicaSet, { spec: SPEC });
  assert.equal(object.spec.replicas, 1);
  assert.deepEqual(object.status, { replicas: 0 });
  assert.deepEqual(problemsOfCreate(replicaSet, { spec: SPEC }), []);
});

test("replicaSet's cells are kubectl's", () => {
  const object = createObject(replicaSet, {
    spec: { ...SPEC, replicas: 3 },
    status: { replicas: 2, readyReplicas: 1 },
  });
  assert.deepEqual(cellsOf(replicaSet, object), {
    NAME: "web",
    DESIRED: 3,
    CURRENT: 2,
    READY: 1,
    AGE: "60m",
    CONTAINERS: "web",
    IMAGES: "web:1",
    SELECTOR: "app=web",
  });
  assert.equal(replicaSet.fieldSelectors["status.replicas"]?.(object), "2");
});

test("replicaSet's status counts no more pods than there are", () => {
  const old = createObject(replicaSet, { spec: SPEC });
  const status = { replicas: 1, fullyLabeledReplicas: 2, readyReplicas: 1, availableReplicas: 1 };
  assert.deepEqual(problemsOfUpdate(replicaSet, old, { status }, "status"), [
    "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas",
  ]);
});
