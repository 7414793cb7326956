import assert from "node:assert/strict";
import { test } from "node:test";
import { controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { type StatefulSet, statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import type { JsonObject } from "#base/json.ts";
import { isPodReady } from "../workload/pod-state.ts";
import { namesOf, podTemplate, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf, startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { statefulSetController } from "./stateful-set-controller.ts";

async function startWith(spec: JsonObject = {}): Promise<WorkloadCluster> {
  const cluster = await startWorkloadCluster([statefulSetController]);
  cluster.create(statefulSetKind, "web", { spec: { ...webTemplate(), serviceName: "web", replicas: 3, ...spec } });
  await cluster.settle();
  return cluster;
}

const web = (cluster: WorkloadCluster): StatefulSet => cluster.find(statefulSetKind, "web");
const podsOf = (cluster: WorkloadCluster) =>
  cluster
    .pods()
    .map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`)
    .sort();

function change(cluster: WorkloadCluster, spec: Partial<StatefulSet["spec"]>): Promise<StatefulSet> {
  return cluster.edit(statefulSetKind, "web", (set) => ({ ...set, spec: { ...set.spec, ...spec } }));
}

function templateOf(image: string): StatefulSet["spec"]["template"] {
  const spec = { ...webTemplate(), serviceName: "web", template: podTemplate(image) };
  return draftOf(statefulSetKind, "web", { spec }).spec.template;
}

test("statefulSetController makes numbered pods one after the other", async () => {
  await using cluster = await startWith();
  const order = cluster.client.requests.filter((request) => request.startsWith("create pods"));
  assert.deepEqual(order, ["create pods default/web-0", "create pods default/web-1", "create pods default/web-2"]);
  const { metadata, spec } = cluster.find(podKind, "web-1");
  assert.deepEqual(metadata.labels, {
    app: "web",
    "statefulset.kubernetes.io/pod-name": "web-1",
    "apps.kubernetes.io/pod-index": "1",
    "controller-revision-hash": web(cluster).status?.updateRevision,
  });
  assert.deepEqual([spec.hostname, spec.subdomain], ["web-1", "web"]);
  assert.ok(cluster.events().includes("Normal SuccessfulCreate create Pod web-0 in StatefulSet web successful"));
  assert.deepEqual([web(cluster).status?.readyReplicas, cluster.errors], [3, []]);
});

test("statefulSetController stops at a pod that does not become ready, and goes on when it does", async () => {
  await using cluster = await startWith({ replicas: 0 });
  cluster.kubelet.fate = ({ metadata }) => (metadata.name === "web-1" ? "running" : "ready");
  await change(cluster, { replicas: 3 });
  await cluster.settle();
  assert.deepEqual(namesOf(cluster.pods()), ["web-0", "web-1"]);
  cluster.kubelet.fate = () => "ready";
  await cluster.settle();
  assert.deepEqual(namesOf(cluster.pods()), ["web-0", "web-1", "web-2"]);
});

test("statefulSetController removes pods from the highest down, each when the one before has ended", async () => {
  await using cluster = await startWith();
  cluster.kubelet.endsPods = false;
  await change(cluster, { replicas: 1 });
  await cluster.settle();
  const going = () => namesOf(cluster.pods().filter(({ metadata }) => metadata.deletionTimestamp !== undefined));
  assert.deepEqual(going(), ["web-2"]);
  cluster.kubelet.end(cluster.find(podKind, "web-2"));
  await cluster.settle();
  assert.deepEqual(going(), ["web-1"]);
  cluster.kubelet.endsPods = true;
  await cluster.settle();
  assert.deepEqual(namesOf(cluster.pods()), ["web-0"]);
});

test("statefulSetController renews pods one at a time, keeps to the partition, and goes back", async () => {
  await using cluster = await startWith();
  let leastReady = 3;
  cluster.client.fail = () => {
    leastReady = Math.min(leastReady, cluster.pods().filter(isPodReady).length);
    return undefined;
  };
  const rollingUpdate = { partition: 1 };
  await change(cluster, { template: templateOf("web:2"), updateStrategy: { type: "RollingUpdate", rollingUpdate } });
  await cluster.settle();
  assert.deepEqual([podsOf(cluster), leastReady], [["web-0 web:1", "web-1 web:2", "web-2 web:2"], 2]);
  assert.notEqual(web(cluster).status?.currentRevision, web(cluster).status?.updateRevision);
  // A pod below the partition comes back as it was.
  cluster.kubelet.end(cluster.find(podKind, "web-0"));
  await cluster.settle();
  assert.deepEqual(podsOf(cluster)[0], "web-0 web:1");
  await change(cluster, { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } } });
  await cluster.settle();
  assert.deepEqual(podsOf(cluster), ["web-0 web:2", "web-1 web:2", "web-2 web:2"]);
  assert.equal(web(cluster).status?.currentRevision, web(cluster).status?.updateRevision);
  await change(cluster, { template: templateOf("web:1") });
  await cluster.settle();
  assert.deepEqual(podsOf(cluster), ["web-0 web:1", "web-1 web:1", "web-2 web:1"]);
  assert.deepEqual(
    cluster.client
      .all(revisionKind)
      .map(({ revision }) => revision)
      .sort(),
    [2, 3],
  );
});

test("statefulSetController adopts pods of its name, and leaves others alone", async () => {
  await using cluster = await startWith({ replicas: 1 });
  cluster.client.put(podKind, draftOf(podKind, "web-1", { metadata: { labels: { app: "web" } } }));
  cluster.client.put(podKind, draftOf(podKind, "web-x", { metadata: { labels: { app: "web" } } }));
  await change(cluster, { replicas: 2 });
  await cluster.settle();
  const owners = ["web-1", "web-x"].map((name) => cluster.find(podKind, name).metadata.ownerReferences?.[0]?.name);
  assert.deepEqual(owners, ["web", undefined]);
  assert.equal(cluster.pods().length, 3);
});

test("statefulSetController says that a name is taken, and goes on when it is free", async () => {
  await using cluster = await startWith({ replicas: 0 });
  cluster.client.put(podKind, draftOf(podKind, "web-0", { metadata: { labels: { app: "db" } } }));
  await change(cluster, { replicas: 1 });
  await cluster.settle();
  const message = 'create Pod web-0 in StatefulSet web failed error: pods "web-0" already exists';
  assert.ok(cluster.events().includes(`Warning FailedCreate ${message}`));
  cluster.client.remove(podKind, { namespace: "default", name: "web-0" });
  await cluster.pass(120);
  assert.equal(web(cluster).status?.readyReplicas, 1);
});

test("statefulSetController replaces failed pods under the same name", async () => {
  await using cluster = await startWith({ replicas: 2 });
  const before = cluster.find(podKind, "web-0");
  cluster.kubelet.become(before, "failed");
  await cluster.settle();
  assert.notEqual(cluster.find(podKind, "web-0").metadata.uid, before.metadata.uid);
  assert.equal(web(cluster).status?.readyReplicas, 2);
});

test("statefulSetController makes do without volumes that are claimed, and says so", async () => {
  const claim = { metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } };
  await using cluster = await startWith({ replicas: 1, volumeClaimTemplates: [claim] });
  assert.deepEqual(cluster.find(podKind, "web-0").spec.volumes, [{ name: "data", emptyDir: {} }]);
  assert.ok(cluster.events().some((text) => text.startsWith("Warning VolumeClaimsIgnored ")));
});
