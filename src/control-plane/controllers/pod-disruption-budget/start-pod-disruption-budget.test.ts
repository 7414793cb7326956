import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { deployment } from "#api/kinds/deployment.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { podDisruptionBudget } from "#api/kinds/pod-disruption-budget.ts";
import { replicaSet } from "#api/kinds/replica-set.ts";
import { readyStatus, runningPod, runPod } from "../testing/sample-objects.ts";
import { createTestCluster, signal, type TestCluster } from "../testing/test-cluster.ts";
import { podDisruptionBudgetController } from "./start-pod-disruption-budget.ts";

function ownedBy({ apiVersion, kind, metadata }: KubeObject) {
  const { name = "", uid = "" } = metadata;
  return [{ apiVersion, kind, name, uid, controller: true }];
}

async function createWeb(cluster: TestCluster, replicas: number): Promise<void> {
  const selector = { matchLabels: { app: "web" } };
  const template = {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "main", image: "nginx" }] },
  };
  const owner = await cluster.create(deployment, {
    metadata: { namespace: "default", name: "web" },
    spec: { replicas, selector, template },
  });
  const set = await cluster.create(replicaSet, {
    metadata: { namespace: "default", name: "web-1", ownerReferences: ownedBy(owner) },
    spec: { replicas: 1, selector, template },
  });
  for (let index = 0; index < replicas; index += 1) {
    const metadata = { ownerReferences: ownedBy(set) };
    await runPod(cluster, runningPod(`web-${index}`, `10.0.0.${index + 1}`, { metadata }));
  }
}

test("podDisruptionBudgetController follows pods, by what their deployment wants", async () => {
  await using cluster = await createTestCluster();
  await createWeb(cluster, 3);
  await cluster.create(podDisruptionBudget, {
    metadata: { namespace: "default", name: "web" },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: "web" } } },
  });
  await cluster.start(podDisruptionBudgetController(cluster.kinds));
  const counts = async () => {
    const { status } = await cluster.get(podDisruptionBudget, "default/web");
    return [status?.disruptionsAllowed, status?.currentHealthy, status?.desiredHealthy, status?.expectedPods];
  };
  assert.deepEqual(await counts(), [1, 3, 2, 3]);
  await cluster.change(podKind, "default/web-0", (pod) => ({
    ...pod,
    status: { ...pod.status, ...readyStatus(false) },
  }));
  await cluster.settle();
  assert.deepEqual(await counts(), [0, 2, 2, 3]);
  const before = cluster.writes.length;
  await cluster.pass(3600);
  assert.equal(cluster.writes.length, before, "nothing is written when nothing changes");
  assert.deepEqual(cluster.errors, []);
});

test("podDisruptionBudgetController lets evictions through one after the other, and gives up on those that fail", async () => {
  await using cluster = await createTestCluster();
  await createWeb(cluster, 2);
  await cluster.create(podDisruptionBudget, {
    metadata: { namespace: "default", name: "web" },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
  });
  await cluster.start(podDisruptionBudgetController(cluster.kinds));
  const evict = (name: string) =>
    cluster.client.createSubresource(
      podKind,
      { namespace: "default", name },
      "eviction",
      { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace: "default", name } },
      signal,
    );
  await evict("web-0");
  await cluster.settle();
  await assert.rejects(evict("web-1"), /Cannot evict pod as it would violate the pod's disruption budget/);
  const { status } = await cluster.get(podDisruptionBudget, "default/web");
  assert.equal(status?.disruptionsAllowed, 0);
  // Somebody else says that he evicts, and then nothing happens.
  await cluster.change(podDisruptionBudget, "default/web", (budget) => ({
    ...budget,
    status: {
      disruptionsAllowed: 0,
      currentHealthy: 0,
      desiredHealthy: 1,
      expectedPods: 2,
      ...budget.status,
      disruptedPods: { "web-1": "2025-01-01T00:00:00Z" },
    },
  }));
  await cluster.settle();
  assert.equal((await cluster.get(podDisruptionBudget, "default/web")).status?.currentHealthy, 0);
  await cluster.pass(121);
  const later = (await cluster.get(podDisruptionBudget, "default/web")).status;
  assert.deepEqual([later?.currentHealthy, later?.disruptedPods], [1, undefined]);
});
