import assert from "node:assert/strict";
import { test } from "node:test";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { validateObject } from "#api/schema/validate.ts";
import {
  findRevisions,
  isSameTemplate,
  newReplicaSet,
  nextRevision,
  REVISION,
  revisionOf,
  updatedReplicaSet,
} from "./revisions.ts";
import { testDeployment, testSet } from "./testing/deployed-sets.ts";

const HISTORY = "deployment.kubernetes.io/revision-history";

test("newReplicaSet has its hash in name, labels, selector and template, and is valid", () => {
  const deployment = testDeployment();
  const set = newReplicaSet(deployment, 3);
  const hash = set.metadata.labels?.["pod-template-hash"] ?? "";
  assert.equal(set.metadata.name, `web-${hash}`);
  assert.deepEqual(set.spec.selector.matchLabels, { app: "web", "pod-template-hash": hash });
  assert.equal(set.spec.template.metadata?.labels?.["pod-template-hash"], hash);
  assert.equal(revisionOf(set), 3);
  assert.deepEqual(validateObject(replicaSetKind, set), []);
  assert.ok(isSameTemplate(set.spec.template, deployment.spec.template));
});

test("newReplicaSet has another name after a clash, and the same one for the same template", () => {
  const name = (collisionCount?: number) =>
    newReplicaSet({ ...testDeployment(), status: collisionCount === undefined ? {} : { collisionCount } }, 1).metadata
      .name;
  assert.equal(name(), name());
  assert.equal(new Set([name(), name(0), name(1), name(2)]).size, 4);
});

test("newReplicaSet copies annotations but those that are the Deployment's own", () => {
  const annotations = {
    "kubernetes.io/change-cause": "better",
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    [REVISION]: "7",
  };
  const set = newReplicaSet(testDeployment({}, { metadata: { annotations } }), 1);
  assert.deepEqual(set.metadata.annotations, { "kubernetes.io/change-cause": "better", [REVISION]: "1" });
});

test("findRevisions takes the oldest of several sets with the present template", () => {
  const deployment = testDeployment();
  const old = testSet(deployment, { image: "web:1", size: 1, age: 300 });
  const first = testSet(deployment, { size: 1, age: 200 });
  const second = {
    ...first,
    metadata: { ...first.metadata, name: "second", uid: "u2", creationTimestamp: "2025-01-01T11:59:00Z" },
  };
  const found = findRevisions(deployment, [second, first, old]);
  assert.equal(found.current, first);
  assert.deepEqual(found.old, [old, second]);
});

test("nextRevision is above all old ones", () => {
  const deployment = testDeployment();
  assert.equal(nextRevision([]), 1);
  assert.equal(nextRevision([4, 9, 2].map((revision) => testSet(deployment, { size: 0, revision }))), 10);
});

test("updatedReplicaSet renumbers a set that is in use again, and remembers its old numbers", () => {
  const deployment = testDeployment();
  const set = testSet(deployment, { size: 1, revision: 1 });
  const again = updatedReplicaSet(set, deployment, 3);
  assert.deepEqual([revisionOf(again), again.metadata.annotations?.[HISTORY]], [3, "1"]);
  assert.equal(updatedReplicaSet(again, deployment, 5).metadata.annotations?.[HISTORY], "1,3");
  assert.equal(updatedReplicaSet(again, deployment, 3), again);
  assert.equal(updatedReplicaSet(again, deployment, 2), again);
});

test("updatedReplicaSet takes over minReadySeconds", () => {
  const set = testSet(testDeployment(), { size: 1 });
  const patient = testDeployment({ minReadySeconds: 5 });
  const updated = updatedReplicaSet(set, patient, 1);
  assert.equal(updated.spec.minReadySeconds, 5);
  assert.equal(updatedReplicaSet(updated, patient, 1), updated);
});
