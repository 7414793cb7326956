import assert from "node:assert/strict";
import { test } from "node:test";
import { internalError } from "#api/api-error.ts";
import { type Deployment, deployment as deploymentKind } from "#api/kinds/deployment.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { type ReplicaSet, replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import type { JsonObject } from "#base/json.ts";
import { isControlledBy } from "../workload/controller-reference.ts";
import { podTemplate, webTemplate } from "../workload/testing/test-objects.ts";
import { draftOf, startWorkloadCluster, type WorkloadCluster } from "../workload/testing/workload-cluster.ts";
import { newReplicaSet, REVISION } from "./revisions.ts";

const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";

async function startWith(spec: JsonObject): Promise<WorkloadCluster> {
  const cluster = await startWorkloadCluster();
  cluster.create(deploymentKind, "web", { spec: { ...webTemplate(), ...spec } });
  await cluster.settle();
  return cluster;
}

const web = (cluster: WorkloadCluster): Deployment => cluster.find(deploymentKind, "web");

/** As `kubectl set image`, `kubectl scale` and `kubectl rollout pause` do. */
function change(cluster: WorkloadCluster, spec: Partial<Deployment["spec"]>): Promise<Deployment> {
  return cluster.edit(deploymentKind, "web", (object) => ({ ...object, spec: { ...object.spec, ...spec } }));
}

const setImage = (cluster: WorkloadCluster, image: string) => change(cluster, { template: templateOf(image) });

function templateOf(image: string): Deployment["spec"]["template"] {
  return draftOf(deploymentKind, "web", { spec: { ...webTemplate(), template: podTemplate(image) } }).spec.template;
}

const imageOf = ({ spec }: Pod): string | undefined => spec.containers[0]?.image;

const images = (cluster: WorkloadCluster) => cluster.pods().map(imageOf);

function setOf(cluster: WorkloadCluster, image: string): ReplicaSet {
  const found = cluster.client
    .all(replicaSetKind)
    .find(({ spec }) => spec.template.spec.containers[0]?.image === image);
  assert.ok(found !== undefined, `no ReplicaSet of ${image}`);
  return found;
}

function progress(cluster: WorkloadCluster): string | undefined {
  return web(cluster).status?.conditions?.find(({ type }) => type === "Progressing")?.reason;
}

test("deploymentController makes a ReplicaSet of revision 1 and tells of it", async () => {
  await using cluster = await startWith({ replicas: 3 });
  const set = setOf(cluster, "web:1");
  assert.ok(isControlledBy(set, web(cluster)));
  assert.equal(set.metadata.annotations?.[REVISION], "1");
  assert.equal(web(cluster).metadata.annotations?.[REVISION], "1");
  assert.deepEqual(images(cluster), ["web:1", "web:1", "web:1"]);
  assert.ok(
    cluster.events().includes(`Normal ScalingReplicaSet Scaled up replica set ${set.metadata.name} from 0 to 3`),
  );
  assert.deepEqual([progress(cluster), cluster.errors], ["NewReplicaSetAvailable", []]);
});

test("deploymentController rolls a new template out, and back to the old ReplicaSet with a new revision", async () => {
  await using cluster = await startWith({ replicas: 3 });
  const first = setOf(cluster, "web:1");
  await setImage(cluster, "web:2");
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:2", "web:2", "web:2"]);
  assert.equal(web(cluster).metadata.annotations?.[REVISION], "2");
  // kubectl rollout undo puts the old ReplicaSet's template back, without its hash.
  await setImage(cluster, "web:1");
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:1", "web:1", "web:1"]);
  const again = setOf(cluster, "web:1");
  assert.equal(again.metadata.uid, first.metadata.uid);
  assert.deepEqual(
    [again.metadata.annotations?.[REVISION], again.metadata.annotations?.[REVISION_HISTORY]],
    ["3", "1"],
  );
  assert.equal(web(cluster).metadata.annotations?.[REVISION], "3");
  assert.deepEqual(cluster.errors, []);
});

test("deploymentController scales up and down, and replaces pods that are deleted", async () => {
  await using cluster = await startWith({ replicas: 2 });
  for (const replicas of [7, 0, 4]) {
    await change(cluster, { replicas });
    await cluster.settle();
    assert.equal(cluster.pods().length, replicas);
    assert.equal(web(cluster).status?.availableReplicas ?? 0, replicas);
  }
  for (const pod of cluster.pods().slice(0, 2)) cluster.kubelet.end(pod);
  await cluster.settle();
  assert.equal(cluster.pods().length, 4);
});

test("deploymentController does nothing about the template while it is paused", async () => {
  await using cluster = await startWith({ replicas: 2 });
  await change(cluster, { paused: true, template: templateOf("web:2") });
  await cluster.settle();
  assert.deepEqual([images(cluster), progress(cluster)], [["web:1", "web:1"], "DeploymentPaused"]);
  await change(cluster, { replicas: 3 });
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:1", "web:1", "web:1"]);
  await change(cluster, { paused: false });
  await cluster.settle();
  assert.deepEqual([images(cluster), progress(cluster)], [["web:2", "web:2", "web:2"], "NewReplicaSetAvailable"]);
});

test("deploymentController with Recreate starts new pods when the last old one has ended", async () => {
  await using cluster = await startWith({ replicas: 2, strategy: { type: "Recreate" } });
  cluster.kubelet.endsPods = false;
  await setImage(cluster, "web:2");
  await cluster.settle();
  const [first, second] = cluster.pods();
  assert.deepEqual(images(cluster), ["web:1", "web:1"]);
  assert.ok(first && second && cluster.pods().every(({ metadata }) => metadata.deletionTimestamp !== undefined));
  cluster.kubelet.end(first);
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:1"]);
  cluster.kubelet.end(second);
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:2", "web:2"]);
});

test("deploymentController says that an update takes too long, and that it gets on again", async () => {
  await using cluster = await startWith({ replicas: 2, progressDeadlineSeconds: 60 });
  cluster.kubelet.fate = (pod) => (imageOf(pod) === "web:2" ? "running" : "ready");
  await setImage(cluster, "web:2");
  await cluster.settle();
  assert.equal(progress(cluster), "ReplicaSetUpdated");
  await cluster.pass(70);
  assert.equal(progress(cluster), "ProgressDeadlineExceeded");
  cluster.kubelet.fate = () => "ready";
  await cluster.settle();
  assert.equal(progress(cluster), "NewReplicaSetAvailable");
});

test("deploymentController keeps as many old ReplicaSets as the history may have", async () => {
  await using cluster = await startWith({ replicas: 1, revisionHistoryLimit: 2 });
  for (let version = 2; version <= 6; version++) {
    await setImage(cluster, `web:${version}`);
    await cluster.settle();
  }
  const revisions = cluster.client.all(replicaSetKind).map(({ metadata }) => metadata.annotations?.[REVISION]);
  assert.deepEqual(revisions, ["4", "5", "6"]);
});

test("deploymentController waits for minReadySeconds between its steps", async () => {
  await using cluster = await startWith({ replicas: 1, minReadySeconds: 10 });
  await cluster.pass(11);
  await setImage(cluster, "web:2");
  await cluster.settle();
  assert.deepEqual(images(cluster), ["web:1", "web:2"]);
  await cluster.pass(11);
  assert.deepEqual(images(cluster), ["web:2"]);
});

test("deploymentController finds another name when its ReplicaSet's is taken", async () => {
  await using cluster = await startWorkloadCluster();
  const draft = draftOf(deploymentKind, "web", { spec: { ...webTemplate(), replicas: 1 } });
  const taken = newReplicaSet(draft, 1);
  // Somebody else's, with another template.
  cluster.create(replicaSetKind, taken.metadata.name ?? "", {
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "db" } },
      template: { ...podTemplate("db:1"), metadata: { labels: { app: "db" } } },
    },
  });
  cluster.create(deploymentKind, "web", { spec: { ...webTemplate(), replicas: 1 } });
  await cluster.settle();
  assert.equal(web(cluster).status?.collisionCount, 1);
  assert.deepEqual(images(cluster), ["web:1"]);
  assert.notEqual(setOf(cluster, "web:1").metadata.name, taken.metadata.name);
});

test("deploymentController adopts the ReplicaSets of its selector, as after a deletion without cascade", async () => {
  await using cluster = await startWith({ replicas: 2 });
  const before = cluster.pods();
  cluster.client.remove(deploymentKind, { namespace: "default", name: "web" });
  const set = setOf(cluster, "web:1");
  cluster.client.put(replicaSetKind, { ...set, metadata: { ...set.metadata, ownerReferences: [] } });
  await cluster.settle();
  cluster.create(deploymentKind, "web", { spec: { ...webTemplate(), replicas: 2 } });
  await cluster.settle();
  assert.ok(isControlledBy(setOf(cluster, "web:1"), web(cluster)));
  assert.deepEqual(cluster.pods(), before);
});

test("deploymentController says when it cannot make a ReplicaSet, and tries again", async () => {
  await using cluster = await startWorkloadCluster();
  cluster.client.fail = ({ verb, kind }) =>
    verb === "create" && kind.plural === "replicasets" ? internalError("no disk") : undefined;
  cluster.create(deploymentKind, "web", { spec: { ...webTemplate(), replicas: 1 } });
  await cluster.settle();
  assert.equal(progress(cluster), "ReplicaSetCreateError");
  cluster.client.fail = undefined;
  await cluster.pass(120);
  assert.equal(progress(cluster), "NewReplicaSetAvailable");
});
