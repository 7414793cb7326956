import assert from "node:assert/strict";
import { test } from "node:test";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { runningPod, runPod, sampleNode, samplePod } from "../testing/sample-objects.ts";
import { createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { planEndedPods } from "./plan-pod-gc.ts";
import { podGcController } from "./start-pod-gc.ts";

async function podNames(cluster: TestCluster): Promise<readonly string[]> {
  return (await cluster.list(podKind)).map(({ metadata }) => metadata.name ?? "");
}

test("podGcController removes the pods of a node that stays away, and no others", async () => {
  await using cluster = await createTestCluster();
  for (const name of ["node-1", "node-2", "node-3"]) await cluster.create(nodeKind, sampleNode(name));
  for (const number of [1, 2, 3]) {
    await runPod(cluster, runningPod(`on-${number}`, `10.0.0.${number}`, { spec: { nodeName: `node-${number}` } }));
  }
  await cluster.create(podKind, samplePod("pending"));
  await cluster.start(podGcController());
  await cluster.pass(3600);
  assert.deepEqual(cluster.writes, []);

  await cluster.delete(nodeKind, "node-2");
  await cluster.delete(nodeKind, "node-3");
  await cluster.pass(30);
  await cluster.create(nodeKind, sampleNode("node-3"));
  await cluster.pass(9);
  assert.equal((await podNames(cluster)).length, 4);
  await cluster.pass(2);
  assert.deepEqual(await podNames(cluster), ["on-1", "on-3", "pending"]);
  await cluster.pass(3600);
  assert.deepEqual(cluster.writes, ["update pods/status default/on-2", "delete pods default/on-2"]);
  assert.deepEqual(cluster.errors, []);
});

test("podGcController removes pods of nodes that were gone before it began", async () => {
  await using cluster = await createTestCluster();
  await runPod(cluster, runningPod("lost", "10.0.0.1", { spec: { nodeName: "gone" } }));
  cluster.writesLeft = 1;
  const first = await cluster.start(podGcController());
  await cluster.pass(60);
  await first[Symbol.asyncDispose]();
  const { status } = await cluster.get(podKind, "default/lost");
  assert.deepEqual([status?.phase, status?.conditions?.at(-1)?.reason], ["Failed", "DeletionByPodGC"]);
  cluster.writesLeft = Number.POSITIVE_INFINITY;
  await cluster.start(podGcController());
  await cluster.pass(60);
  assert.deepEqual(await podNames(cluster), []);
});

test("podGcController removes the ending pods of a node that is out of service", async () => {
  await using cluster = await createTestCluster();
  const { status, ...node } = sampleNode("node-1", "Unknown");
  await cluster.create(nodeKind, { ...node, status });
  for (const name of ["ending", "stays"]) await runPod(cluster, runningPod(name, "10.0.0.1"));
  await cluster.delete(podKind, "default/ending");
  await cluster.start(podGcController());
  assert.deepEqual(await podNames(cluster), ["ending", "stays"]);
  const taints = [{ key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" }] as const;
  await cluster.change(nodeKind, "node-1", (object) => ({ ...object, spec: { ...object.spec, taints } }));
  await cluster.settle();
  assert.deepEqual(await podNames(cluster), ["stays"]);
});

test("podGcController keeps so many pods that have ended", async () => {
  await using cluster = await createTestCluster();
  await cluster.create(nodeKind, sampleNode("node-1"));
  await cluster.start(podGcController({ endedPodThreshold: 2 }));
  for (const name of ["first", "second", "third", "fourth"]) {
    await runPod(cluster, runningPod(name, "10.0.0.1", { status: { phase: "Succeeded" } }));
    await cluster.pass(10);
  }
  assert.deepEqual(await podNames(cluster), ["fourth", "third"]);
});

test("planEndedPods takes the oldest, and none while there are few", () => {
  const pods = [3, 1, 2].map((age) =>
    samplePod(`p${age}`, { metadata: { creationTimestamp: `2025-01-0${age}T00:00:00Z` }, status: { phase: "Failed" } }),
  );
  const names = (threshold: number) => planEndedPods(pods, threshold).map(({ metadata }) => metadata.name);
  assert.deepEqual([names(1), names(3), names(0)], [["p1", "p2"], [], []]);
});
