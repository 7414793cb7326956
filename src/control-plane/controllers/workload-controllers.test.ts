/** All workload controllers together: that they come to rest, and that they do so whatever fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { conflictError, internalError, MODIFIED, serviceUnavailableError } from "#api/api-error.ts";
import type { Kind, KubeObject } from "#api/kind.ts";
import { controllerRevision as revisionKind } from "#api/kinds/controller-revision.ts";
import { daemonSet as daemonSetKind } from "#api/kinds/daemon-set.ts";
import { deployment as deploymentKind } from "#api/kinds/deployment.ts";
import { job as jobKind } from "#api/kinds/job/job.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import type { PodTemplateSpec } from "#api/kinds/pod/pod-template.ts";
import { replicaSet as replicaSetKind } from "#api/kinds/replica-set.ts";
import { statefulSet as statefulSetKind } from "#api/kinds/stateful-set/stateful-set.ts";
import type { JsonObject } from "#base/json.ts";
import { isPodReady } from "./workload/pod-state.ts";
import { podTemplate } from "./workload/testing/test-objects.ts";
import { startWorkloadCluster, type WorkloadCluster } from "./workload/testing/workload-cluster.ts";

function workloadSpec(app: string, more: JsonObject, pod: JsonObject = {}): JsonObject {
  const metadata = { labels: { app }, finalizers: ["test/kubelet"] };
  return {
    selector: { matchLabels: { app } },
    template: { ...podTemplate(`${app}:1`, pod), metadata },
    ...more,
  };
}

function createAll(cluster: WorkloadCluster): void {
  for (const name of ["n1", "n2", "n3"]) cluster.create(nodeKind, name, {});
  cluster.create(deploymentKind, "web", { spec: workloadSpec("web", { replicas: 3 }) });
  cluster.create(daemonSetKind, "agent", { spec: workloadSpec("agent", {}) });
  cluster.create(statefulSetKind, "db", { spec: workloadSpec("db", { replicas: 3, serviceName: "db" }) });
  const counts = { completions: 3, parallelism: 2 };
  cluster.create(jobKind, "task", { spec: workloadSpec("task", counts, { restartPolicy: "Never" }) });
  cluster.kubelet.fate = ({ metadata }) => (metadata.labels?.["app"] === "task" ? "succeeded" : "ready");
}

function renewed<O extends { readonly spec: { readonly template: PodTemplateSpec } }>(object: O): O {
  const { template } = object.spec;
  const containers = template.spec.containers.map((container) => ({
    ...container,
    image: container.image?.replace(":1", ":2"),
  }));
  return { ...object, spec: { ...object.spec, template: { ...template, spec: { ...template.spec, containers } } } };
}

async function renewAll(cluster: WorkloadCluster): Promise<void> {
  await cluster.edit(deploymentKind, "web", renewed);
  await cluster.edit(daemonSetKind, "agent", renewed);
  await cluster.edit(statefulSetKind, "db", renewed);
}

/** "agent:2 ready" */
function summary(cluster: WorkloadCluster): readonly string[] {
  return cluster
    .pods()
    .map((pod) => `${pod.spec.containers[0]?.image} ${isPodReady(pod) ? "ready" : pod.status?.phase}`)
    .sort();
}

const RENEWED = ["agent:2 ready", "db:2 ready", "task:1 Succeeded", "web:2 ready"].flatMap((text) => [
  text,
  text,
  text,
]);

const KINDS: readonly Kind[] = [deploymentKind, replicaSetKind, daemonSetKind, statefulSetKind, jobKind, revisionKind];

const versionsOf = (cluster: WorkloadCluster): readonly string[] =>
  KINDS.flatMap((kind) => cluster.client.all<KubeObject>(kind)).map(
    ({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`,
  );

test("workloadControllers bring all workloads where they should be, and then write nothing more", async () => {
  await using cluster = await startWorkloadCluster();
  createAll(cluster);
  await cluster.settle();
  await renewAll(cluster);
  await cluster.settle();
  assert.deepEqual(summary(cluster), RENEWED);
  assert.deepEqual(cluster.errors, []);
  const before = versionsOf(cluster);
  cluster.takeWrites();
  await cluster.pass(3600);
  // New controllers look at everything again; so do old ones after a gap in the watch.
  await cluster.restart();
  await cluster.settle();
  cluster.client.compact();
  cluster.client.endWatches();
  await cluster.pass(60);
  assert.deepEqual(cluster.takeWrites(), []);
  assert.deepEqual(versionsOf(cluster), before);
});

test("workloadControllers put back what others change or delete", async () => {
  await using cluster = await startWorkloadCluster();
  createAll(cluster);
  await cluster.settle();
  await renewAll(cluster);
  await cluster.settle();
  for (const kind of [deploymentKind, replicaSetKind, daemonSetKind, statefulSetKind] as const) {
    for (const object of cluster.client.all<KubeObject>(kind)) {
      cluster.client.put<KubeObject>(kind, { ...object, status: { replicas: 77 } });
    }
  }
  for (const { metadata } of cluster.client.all(revisionKind)) {
    cluster.client.remove(revisionKind, { namespace: "default", name: metadata.name ?? "" });
  }
  for (const pod of cluster.pods()) if (isPodReady(pod)) cluster.kubelet.end(pod);
  await cluster.settle();
  assert.deepEqual(summary(cluster), RENEWED);
  assert.equal(cluster.find(deploymentKind, "web").status?.replicas, 3);
});

const faults = ["conflict", "unavailable", "internal", "none", "none", "none"] as const;

test("workloadControllers get there in the end whatever requests fail", async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.constantFrom(...faults)), async (stream) => {
      await using cluster = await startWorkloadCluster();
      let left = 150;
      const fail: WorkloadCluster["client"]["fail"] = ({ verb, kind, name = "" }) => {
        if (verb === "watch" || verb === "list" || kind.plural === "events" || left-- <= 0) return undefined;
        switch (stream.next().value) {
          case "conflict":
            return verb === "update" ? conflictError(kind, name, MODIFIED) : undefined;
          case "unavailable":
            return serviceUnavailableError("no leader");
          case "internal":
            return internalError("disk full");
          default:
            return undefined;
        }
      };
      createAll(cluster);
      cluster.client.fail = fail;
      await cluster.settle();
      cluster.client.fail = undefined;
      await renewAll(cluster);
      cluster.client.fail = fail;
      await cluster.settle();
      cluster.client.fail = undefined;
      // Longer than the longest pause of a queue.
      await cluster.pass(61);
      await cluster.pass(61);
      assert.deepEqual(summary(cluster), RENEWED);
      cluster.takeWrites();
      await cluster.restart();
      await cluster.settle();
      assert.deepEqual(cluster.takeWrites(), []);
    }),
    { numRuns: 25 },
  );
});
