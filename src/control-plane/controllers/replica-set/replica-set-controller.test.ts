import assert from "node:assert/strict";
import { test } from "node:test";
import { forbiddenError } from "#api/api-error.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { controllerOf, isControlledBy } from "../workload/controller-reference.ts";
import { namesOf, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf, startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { replicaSetController } from "./replica-set-controller.ts";

async function startWith(replicas: number): Promise<WorkloadCluster> {
  const cluster = await startWorkloadCluster([replicaSetController]);
  cluster.create(replicaSetKind, "web", { spec: { ...webTemplate(), replicas } });
  await cluster.settle();
  return cluster;
}

const scale = (cluster: WorkloadCluster, replicas: number) =>
  cluster.edit(replicaSetKind, "web", (set) => ({ ...set, spec: { ...set.spec, replicas } }));

test("replicaSetController keeps the number of pods, up, down and when pods go", async () => {
  await using cluster = await startWith(3);
  assert.equal(cluster.pods().length, 3);
  const [first] = cluster.pods();
  assert.match(first?.metadata.name ?? "", /^web-/);
  assert.deepEqual(first?.metadata.ownerReferences, [
    {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: cluster.find(replicaSetKind, "web").metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ]);
  await scale(cluster, 20);
  await cluster.settle();
  assert.equal(cluster.pods().length, 20);
  for (const pod of cluster.pods().slice(0, 5)) cluster.kubelet.end(pod);
  await cluster.settle();
  assert.equal(cluster.pods().length, 20);
  await scale(cluster, 1);
  await cluster.settle();
  assert.equal(cluster.pods().length, 1);
  const { status } = cluster.find(replicaSetKind, "web");
  assert.deepEqual(
    [status?.replicas, status?.readyReplicas, status?.availableReplicas, status?.observedGeneration],
    [1, 1, 1, 3],
  );
  assert.deepEqual(cluster.errors, []);
});

test("replicaSetController makes exactly what is missing while its informer lags behind", async () => {
  await using cluster = await startWith(0);
  let creations = 0;
  cluster.client.fail = ({ verb, kind }) => {
    creations += verb === "create" && kind.plural === "pods" ? 1 : 0;
    return undefined;
  };
  // Each event of a pod, and each change of the set, has it look again.
  await scale(cluster, 50);
  for (let label = 0; label < 10; label++) {
    await cluster.edit(replicaSetKind, "web", (set) => ({
      ...set,
      metadata: { ...set.metadata, annotations: { label: String(label) } },
    }));
  }
  await cluster.settle();
  assert.deepEqual([creations, cluster.pods().length], [50, 50]);
});

test("replicaSetController adopts orphans and releases pods whose labels change", async () => {
  await using cluster = await startWorkloadCluster([replicaSetController]);
  for (const name of ["one", "two", "three"]) {
    cluster.client.put(podKind, draftOf(podKind, name, { metadata: { labels: { app: "web" } } }));
  }
  await cluster.settle();
  cluster.create(replicaSetKind, "web", { spec: { ...webTemplate(), replicas: 3 } });
  await cluster.settle();
  assert.deepEqual(namesOf(cluster.pods()), ["one", "two", "three"]);
  const set = cluster.find(replicaSetKind, "web");
  assert.ok(cluster.pods().every((pod) => isControlledBy(pod, set)));
  await cluster.edit(podKind, "two", (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: "debug" } } }));
  await cluster.settle();
  assert.equal(cluster.pods().length, 4);
  assert.equal(controllerOf(cluster.find(podKind, "two")), undefined);
});

test("replicaSetController deletes adopted pods that are too many", async () => {
  await using cluster = await startWith(2);
  cluster.client.put(podKind, draftOf(podKind, "orphan", { metadata: { labels: { app: "web" } } }));
  await cluster.settle();
  assert.equal(cluster.pods().length, 2);
  assert.ok(!namesOf(cluster.pods()).includes("orphan"), "the one that was not ready goes");
});

test("replicaSetController tells why pods cannot be created, tries one at a time, and recovers", async () => {
  await using cluster = await startWith(0);
  cluster.client.fail = ({ verb, kind }) =>
    verb === "create" && kind.plural === "pods" ? forbiddenError(kind, "", "exceeded quota: small") : undefined;
  cluster.takeWrites();
  await scale(cluster, 100);
  await cluster.settle();
  const creations = cluster.takeWrites().filter((write) => write.startsWith("create pods"));
  assert.ok(creations.length > 0 && creations.length < 20, `${creations.length} creations`);
  const { status } = cluster.find(replicaSetKind, "web");
  const [condition] = status?.conditions ?? [];
  assert.deepEqual(
    [condition?.type, condition?.status, condition?.reason, condition?.message],
    ["ReplicaFailure", "True", "FailedCreate", "pods is forbidden: exceeded quota: small"],
  );
  assert.ok(cluster.events().includes("Warning FailedCreate Error creating: pods is forbidden: exceeded quota: small"));
  cluster.client.fail = undefined;
  await cluster.pass(120);
  assert.equal(cluster.pods().length, 100);
  assert.equal(cluster.find(replicaSetKind, "web").status?.conditions, undefined);
});

test("replicaSetController counts pods as available after minReadySeconds", async () => {
  await using cluster = await startWorkloadCluster([replicaSetController]);
  cluster.create(replicaSetKind, "web", { spec: { ...webTemplate(), replicas: 2, minReadySeconds: 30 } });
  await cluster.settle();
  const available = () => cluster.find(replicaSetKind, "web").status?.availableReplicas;
  assert.equal(available(), undefined);
  await cluster.pass(31);
  assert.equal(available(), 2);
});
