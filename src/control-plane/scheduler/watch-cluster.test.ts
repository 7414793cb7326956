import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { ClusterChange } from "./filters/filter.ts";
import { createSchedulingQueue, type SchedulingQueue } from "./queue/scheduling-queue.ts";
import { createClusterState } from "./state/cluster-state.ts";
import { testNamespace, testNode, testPod } from "./testing/builders.ts";
import { on } from "./testing/filter-cases.ts";
import { needsNode, watchNamespaces, watchNodes, watchPods } from "./watch-cluster.ts";

function createFixture() {
  const cluster = createClusterState();
  const waiting = createSchedulingQueue({ nowMs: () => 0 });
  const changes: ClusterChange[] = [];
  const gated: Pod[] = [];
  const queue: SchedulingQueue = {
    ...waiting,
    notify: (change) => void changes.push(change),
    get counts() {
      return waiting.counts;
    },
  };
  const watched = { cluster, queue, wake: () => undefined, onGated: (pod: Pod) => void gated.push(pod) };
  return {
    cluster,
    queue,
    changes,
    gated,
    pods: watchPods(watched),
    nodes: watchNodes(watched),
    namespaces: watchNamespaces(watched),
    popped: () => waiting.pop()?.pod,
  };
}

const going = { deletionTimestamp: "2025-01-01T00:00:00Z" };
const gate = { schedulingGates: [{ name: "example.com/wait" }] };

const needs: readonly (readonly [says: string, pod: Pod, needs: boolean])[] = [
  ["pods without a node", testPod("web"), true],
  ["pods of this scheduler", testPod("web", { spec: { schedulerName: "default-scheduler" } }), true],
  ["no pods of other schedulers", testPod("web", { spec: { schedulerName: "other" } }), false],
  ["no pods with a node", on("a", "web"), false],
  ["no pods that are being deleted", testPod("web", { metadata: going }), false],
  ["no pods that have ended", testPod("web", { status: { phase: "Failed" } }), false],
];
for (const [says, pod, expected] of needs) {
  test(`needsNode says so of ${says}`, () => assert.equal(needsNode(pod), expected));
}

test("watchPods takes pods that wait, until they need no node any more", () => {
  for (const last of [
    on("a", "web"),
    testPod("web", { metadata: going }),
    testPod("web", { status: { phase: "Failed" } }),
    testPod("web", { spec: gate }),
  ]) {
    const { pods, popped } = createFixture();
    const pod = testPod("web");
    pods.onAdd?.(pod);
    pods.onUpdate?.(last, pod);
    assert.equal(popped(), undefined);
  }
});

test("watchPods leaves out pods of other schedulers, and deleted ones", () => {
  const { pods, popped } = createFixture();
  pods.onAdd?.(testPod("other", { spec: { schedulerName: "other" } }));
  const pod = testPod("web");
  pods.onAdd?.(pod);
  pods.onDelete?.(pod);
  assert.equal(popped(), undefined);
});

test("watchPods takes a gated pod when its last gate is gone", () => {
  const { pods, popped, gated } = createFixture();
  const pod = testPod("web", { spec: gate });
  pods.onAdd?.(pod);
  assert.equal(popped(), undefined);
  assert.deepEqual(gated, [pod]);
  const free = testPod("web", { spec: { schedulingGates: [] } });
  pods.onUpdate?.(free, pod);
  assert.equal(popped(), free);
});

test("watchPods tries a parked pod again when it has changed, not when its status has", () => {
  const { pods, queue, popped } = createFixture();
  const pod = testPod("web");
  queue.add(pod);
  const attempt = queue.pop();
  assert.ok(attempt !== undefined);
  queue.park({ ...attempt, number: 1 }, new Set());
  const told = testPod("web", { status: { phase: "Pending" } });
  pods.onUpdate?.(told, pod);
  assert.deepEqual(queue.counts, { active: 0, pausing: 0, parked: 1 });
  const tolerant = testPod("web", { spec: { tolerations: [{ operator: "Exists" }] } });
  pods.onUpdate?.(tolerant, told);
  assert.deepEqual(queue.counts, { active: 0, pausing: 1, parked: 0 });
  assert.equal(popped(), undefined);
});

test("watchPods does not take a pod again that is about to be bound", () => {
  const { pods, cluster, popped } = createFixture();
  const pod = testPod("web");
  cluster.assume(pod, "a");
  pods.onUpdate?.(testPod("web", { labels: { late: "yes" } }), pod);
  assert.equal(popped(), undefined);
  assert.equal(cluster.isAssumed("default/web"), true);
});

test("watchPods tells what pods on nodes change", () => {
  const { pods, changes, cluster, nodes } = createFixture();
  nodes.onAdd?.(testNode("a"));
  const placed = on("a", "web");
  const labelled = on("a", "web", { labels: { app: "web" } });
  const terminating = on("a", "web", { labels: { app: "web" }, metadata: going });
  const ended = on("a", "web", { status: { phase: "Succeeded" } });
  pods.onUpdate?.(placed, testPod("web"));
  pods.onUpdate?.(labelled, placed);
  pods.onUpdate?.(on("a", "web", { labels: { app: "web" }, status: { phase: "Running" } }), labelled);
  pods.onUpdate?.(terminating, labelled);
  assert.equal(cluster.findNode("a")?.podCount, 1);
  pods.onUpdate?.(ended, terminating);
  assert.equal(cluster.findNode("a")?.podCount, 0);
  pods.onDelete?.(ended);
  assert.deepEqual(changes, ["NodeAdded", "PodBound", "PodLabels", "PodLabels", "PodRemoved"]);
});

test("watchPods takes a pod that was created again under its name for a new one", () => {
  const { pods, cluster, popped, changes } = createFixture();
  const old = on("a", "web");
  pods.onAdd?.(old);
  const next = testPod("web", { metadata: { uid: "other" } });
  pods.onUpdate?.(next, old);
  assert.equal(popped(), next);
  assert.equal(cluster.removePod("default/web"), false);
  assert.deepEqual(changes, ["PodBound", "PodRemoved"]);
});

test("watchNodes tells what has changed, and nothing of heartbeats", () => {
  const { nodes, changes, cluster } = createFixture();
  const node = testNode("a");
  nodes.onAdd?.(node);
  nodes.onUpdate?.({ ...node, status: { ...node.status, conditions: [{ type: "Ready", status: "True" }] } }, node);
  nodes.onUpdate?.(testNode("a", { labels: { disk: "ssd" } }), node);
  nodes.onUpdate?.(testNode("a", { unschedulable: true }), node);
  nodes.onUpdate?.(testNode("a", { taints: [{ key: "x", effect: "NoSchedule" }] }), node);
  nodes.onUpdate?.(testNode("a", { allocatable: { cpu: "8" } }), node);
  assert.equal(cluster.findNode("a")?.allocatable.get("cpu"), 8000);
  nodes.onDelete?.(node);
  assert.deepEqual(changes, ["NodeAdded", "NodeLabels", "NodeTaints", "NodeTaints", "NodeAllocatable", "NodeRemoved"]);
});

test("watchNamespaces tells of labels", () => {
  const { namespaces, changes, cluster } = createFixture();
  const old = testNamespace("prod");
  namespaces.onAdd?.(old);
  namespaces.onUpdate?.(testNamespace("prod"), old);
  namespaces.onUpdate?.(testNamespace("prod", { env: "prod" }), old);
  assert.deepEqual(cluster.namespaceLabels("prod"), { env: "prod" });
  namespaces.onDelete?.(old);
  assert.equal(cluster.namespaceLabels("prod"), undefined);
  assert.deepEqual(changes, ["NamespaceLabels", "NamespaceLabels"]);
});
