import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { type DaemonSet, daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { isPodReady } from "../workload/pod-state.ts";
import { podTemplate, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf, startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { daemonSetController } from "./daemon-set-controller.ts";

async function startWith(nodes: number): Promise<WorkloadCluster> {
  const cluster = await startWorkloadCluster([daemonSetController]);
  for (let index = 1; index <= nodes; index++) cluster.create(nodeKind, `n${index}`, {});
  cluster.create(daemonSetKind, "web", { spec: webTemplate() });
  await cluster.settle();
  return cluster;
}

const nodesOf = (cluster: WorkloadCluster) => cluster.pods().map(({ spec }) => spec.nodeName);
const imagesOf = (cluster: WorkloadCluster) => cluster.pods().map(({ spec }) => spec.containers[0]?.image);
const web = (cluster: WorkloadCluster): DaemonSet => cluster.find(daemonSetKind, "web");

function setImage(cluster: WorkloadCluster, image: string): Promise<DaemonSet> {
  const { template } = draftOf(daemonSetKind, "web", { spec: { ...webTemplate(), template: podTemplate(image) } }).spec;
  return cluster.edit(daemonSetKind, "web", (set) => ({ ...set, spec: { ...set.spec, template } }));
}

test("daemonSetController keeps a pod on every node, as nodes come and change", async () => {
  await using cluster = await startWith(3);
  assert.deepEqual(nodesOf(cluster), ["n1", "n2", "n3"]);
  cluster.create(nodeKind, "n4", {});
  await cluster.edit(nodeKind, "n1", (node) => ({
    ...node,
    spec: { taints: [{ key: "maintenance", effect: "NoExecute" as const }] },
  }));
  await cluster.settle();
  assert.deepEqual(nodesOf(cluster), ["n2", "n3", "n4"]);
  await cluster.edit(nodeKind, "n1", (node) => ({ ...node, spec: {} }));
  await cluster.settle();
  assert.deepEqual(nodesOf(cluster).sort(), ["n1", "n2", "n3", "n4"]);
  assert.deepEqual([web(cluster).status?.numberAvailable, cluster.errors], [4, []]);
});

test("daemonSetController is not woken by heartbeats of nodes", async () => {
  await using cluster = await startWith(2);
  cluster.takeWrites();
  const beat = { conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "2025-01-01T00:01:00Z" }] };
  cluster.client.put(nodeKind, { ...cluster.find(nodeKind, "n1"), ...draftOf(nodeKind, "n1", { status: beat }) });
  await cluster.settle();
  assert.deepEqual(cluster.takeWrites(), []);
});

test("daemonSetController replaces pods one after the other, and keeps the history", async () => {
  await using cluster = await startWith(4);
  let leastReady = 4;
  cluster.client.fail = () => {
    leastReady = Math.min(leastReady, cluster.pods().filter(isPodReady).length);
    return undefined;
  };
  await setImage(cluster, "web:2");
  await cluster.settle();
  assert.deepEqual([imagesOf(cluster), leastReady], [["web:2", "web:2", "web:2", "web:2"], 3]);
  const revisions = cluster.client.all(revisionKind);
  assert.deepEqual(revisions.map(({ revision }) => revision).sort(), [1, 2]);
  // As kubectl rollout undo does.
  await setImage(cluster, "web:1");
  await cluster.settle();
  assert.deepEqual(imagesOf(cluster), ["web:1", "web:1", "web:1", "web:1"]);
  assert.deepEqual(
    cluster.client
      .all(revisionKind)
      .map(({ revision }) => revision)
      .sort(),
    [2, 3],
  );
});

test("daemonSetController keeps as many revisions as the history may have", async () => {
  await using cluster = await startWith(1);
  await cluster.edit(daemonSetKind, "web", (set) => ({ ...set, spec: { ...set.spec, revisionHistoryLimit: 1 } }));
  for (const image of ["web:2", "web:3", "web:4"]) {
    await setImage(cluster, image);
    await cluster.settle();
  }
  assert.deepEqual(
    cluster.client
      .all(revisionKind)
      .map(({ revision }) => revision)
      .sort(),
    [3, 4],
  );
});

test("daemonSetController replaces failed pods, ever more slowly", async () => {
  await using cluster = await startWith(1);
  cluster.kubelet.fate = () => "failed";
  const [pod] = cluster.pods();
  assert.ok(pod);
  cluster.kubelet.become(pod, "failed");
  await cluster.settle();
  const failures = () => cluster.client.requests.filter((request) => request.startsWith("delete pods")).length;
  const early = failures();
  await cluster.pass(60);
  const later = failures();
  assert.ok(early >= 1 && early < 6 && later > early && later < 10, `${early}, then ${later} pods`);
  cluster.kubelet.fate = () => "ready";
  await cluster.pass(900);
  assert.equal(cluster.pods().filter(isPodReady).length, 1);
  assert.ok(cluster.events().some((text) => text.includes("Warning FailedDaemonPod Found failed daemon pod default/")));
});
