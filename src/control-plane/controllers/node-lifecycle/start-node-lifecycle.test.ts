import assert from "node:assert/strict";
import { test } from "node:test";
import { event as eventKind } from "#api/kinds/event.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { postStatus, renewLease, runningPod, runPod, sampleNode } from "../testing/sample-objects.ts";
import { createNamespace, createTestCluster, signal, type TestCluster } from "../testing/test-cluster.ts";
import { nodeLifecycleController } from "./start-node-lifecycle.ts";
import { taintEvictionController } from "./start-taint-eviction.ts";

async function createCluster(...nodes: readonly string[]): Promise<TestCluster> {
  const cluster = await createTestCluster();
  await createNamespace(cluster, "kube-node-lease");
  for (const name of nodes) {
    const { status, ...node } = sampleNode(name);
    const created = await cluster.create(nodeKind, node);
    await cluster.client.updateStatus(nodeKind, { ...created, status }, signal);
    await renewLease(cluster, name);
  }
  return cluster;
}

/** Time in which only these nodes give signs of life. */
async function passWith(cluster: TestCluster, seconds: number, ...alive: readonly string[]): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 10) {
    await cluster.pass(10);
    for (const name of alive) await renewLease(cluster, name);
  }
  await cluster.settle();
}

async function stateOf(cluster: TestCluster, name: string): Promise<string> {
  const { spec, status } = await cluster.get(nodeKind, name);
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  const taints = (spec?.taints ?? []).map(({ key, effect }) => `${key.split("/")[1]}:${effect}`);
  return [`Ready=${ready?.status}`, ...taints].join(" ");
}

const LOST = "Ready=Unknown unreachable:NoSchedule unreachable:NoExecute";

test("nodeLifecycleController writes nothing while nodes renew their leases", async () => {
  await using cluster = await createCluster("node-1", "node-2");
  await cluster.start(nodeLifecycleController(), taintEvictionController());
  await passWith(cluster, 600, "node-1", "node-2");
  assert.deepEqual(cluster.writes, []);
  assert.equal(await stateOf(cluster, "node-1"), "Ready=True");
});

test("nodeLifecycleController finds a node that is silent, and evicts its pods when they tolerate it no longer", async () => {
  await using cluster = await createCluster("node-1", "node-2");
  await cluster.start(nodeLifecycleController(), taintEvictionController());
  const tolerations = [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
  ] as const;
  await runPod(cluster, runningPod("brief", "10.0.0.1", { spec: { nodeName: "node-2", tolerations } }));
  await runPod(cluster, runningPod("usual", "10.0.0.2", { spec: { nodeName: "node-2" } }));
  const isDeleted = async (name: string) =>
    (await cluster.get(podKind, `default/${name}`)).metadata.deletionTimestamp !== undefined;
  const isReady = async (name: string) => {
    const { status } = await cluster.get(podKind, `default/${name}`);
    return status?.conditions?.find(({ type }) => type === "Ready")?.status;
  };

  await passWith(cluster, 30, "node-1");
  assert.equal(await stateOf(cluster, "node-2"), "Ready=True");
  await passWith(cluster, 20, "node-1");
  assert.equal(await stateOf(cluster, "node-2"), LOST);
  assert.deepEqual([await isReady("brief"), await isReady("usual")], ["False", "False"]);
  assert.deepEqual([await isDeleted("brief"), await isDeleted("usual")], [false, false]);

  await passWith(cluster, 40, "node-1");
  assert.equal(await isDeleted("brief"), false);
  await passWith(cluster, 30, "node-1");
  assert.deepEqual([await isDeleted("brief"), await isDeleted("usual")], [true, false]);
  const { status } = await cluster.get(podKind, "default/brief");
  assert.equal(status?.conditions?.find(({ type }) => type === "DisruptionTarget")?.reason, "DeletionByTaintManager");

  // The default toleration is 300 s.
  await passWith(cluster, 200, "node-1");
  assert.equal(await isDeleted("usual"), false);
  await passWith(cluster, 60, "node-1");
  assert.equal(await isDeleted("usual"), true);
  assert.deepEqual(cluster.errors, []);
});

test("nodeLifecycleController takes back what it said when a node comes back, and its pods stay", async () => {
  await using cluster = await createCluster("node-1", "node-2");
  await cluster.start(nodeLifecycleController(), taintEvictionController());
  await runPod(cluster, runningPod("web", "10.0.0.1", { spec: { nodeName: "node-2" } }));
  await passWith(cluster, 100, "node-1");
  assert.equal(await stateOf(cluster, "node-2"), LOST);
  await postStatus(cluster, "node-2");
  await cluster.settle();
  assert.equal(await stateOf(cluster, "node-2"), "Ready=True");
  await passWith(cluster, 600, "node-1", "node-2");
  assert.equal((await cluster.get(podKind, "default/web")).metadata.deletionTimestamp, undefined);
  const reasons = (await cluster.list(eventKind)).map(({ reason, message }) => `${reason}: ${message}`);
  assert.ok(reasons.includes("NodeNotReady: Node node-2 status is now: NodeNotReady"), reasons.join("\n"));
  assert.ok(reasons.includes("TaintManagerEviction: Cancelling deletion of Pod default/web"), reasons.join("\n"));
});

test("nodeLifecycleController evicts nobody while no node is ready at all", async () => {
  await using cluster = await createCluster("node-1", "node-2");
  await cluster.start(nodeLifecycleController(), taintEvictionController());
  await passWith(cluster, 60);
  assert.equal(await stateOf(cluster, "node-1"), "Ready=Unknown unreachable:NoSchedule");
  await postStatus(cluster, "node-1");
  await cluster.settle();
  assert.deepEqual([await stateOf(cluster, "node-1"), await stateOf(cluster, "node-2")], ["Ready=True", LOST]);
});

test("nodeLifecycleController finishes what another began, and gives nodes their full time again", async () => {
  for (let writes = 0; writes < 6; writes += 1) {
    await using cluster = await createCluster("node-1", "node-2");
    await runPod(cluster, runningPod("web", "10.0.0.1", { spec: { nodeName: "node-2" } }));
    const first = await cluster.start(nodeLifecycleController());
    await passWith(cluster, 30, "node-1");
    cluster.writesLeft = writes;
    await passWith(cluster, 20, "node-1");
    await first[Symbol.asyncDispose]();
    cluster.writesLeft = Number.POSITIVE_INFINITY;
    await cluster.start(nodeLifecycleController());
    await passWith(cluster, 50, "node-1");
    const { status } = await cluster.get(podKind, "default/web");
    assert.equal(await stateOf(cluster, "node-2"), LOST, `stopped after ${writes} writes`);
    assert.equal(status?.conditions?.find(({ type }) => type === "Ready")?.status, "False", `after ${writes} writes`);
  }
});

test("nodeLifecycleController taints a node that is cordoned, and only then", async () => {
  await using cluster = await createCluster("node-1");
  await cluster.start(nodeLifecycleController());
  for (const unschedulable of [true, undefined]) {
    await cluster.change(nodeKind, "node-1", (node) => ({ ...node, spec: { ...node.spec, unschedulable } }));
    await cluster.settle();
    const expected = unschedulable === true ? "Ready=True unschedulable:NoSchedule" : "Ready=True";
    assert.equal(await stateOf(cluster, "node-1"), expected);
  }
});

test("taintEvictionController deletes pods that do not tolerate a taint that somebody sets", async () => {
  await using cluster = await createCluster("node-1");
  await cluster.start(taintEvictionController());
  const tolerations = [
    { key: "maintenance", operator: "Exists", effect: "NoExecute", tolerationSeconds: 100 },
  ] as const;
  await runPod(cluster, runningPod("patient", "10.0.0.1", { spec: { tolerations } }));
  await runPod(cluster, runningPod("web", "10.0.0.2"));
  await cluster.pass(1000);
  const taints = [{ key: "maintenance", effect: "NoExecute" }] as const;
  await cluster.change(nodeKind, "node-1", (node) => ({ ...node, spec: { ...node.spec, taints } }));
  await cluster.settle();
  const left = async () =>
    (await cluster.list(podKind))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.name);
  assert.deepEqual(await left(), ["patient"]);
  await cluster.pass(90);
  assert.deepEqual(await left(), ["patient"]);
  await cluster.pass(11);
  assert.deepEqual(await left(), []);
});
