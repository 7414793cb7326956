import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { schedulePod } from "./schedule-pod.ts";
import { clusterOf, testNode, testPod } from "./testing/builders.ts";
import { unschedulableText } from "./unschedulable-text.ts";

const forNode = (...values: readonly string[]): Pod =>
  testPod("agent", {
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values }] }],
          },
        },
      },
    },
  });
const asks = (cpu: string, memory = "0"): Pod => testPod("new", { requests: { cpu, memory } });

function textOf(pod: Pod, nodes: readonly Node[]): string {
  const scheduling = schedulePod(pod, clusterOf({ nodes }));
  assert.ok("unschedulable" in scheduling, JSON.stringify(scheduling));
  return unschedulableText(scheduling.unschedulable);
}

const master = { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" as const }] };
const three = ["a", "b", "c"].map((name) => testNode(name));

const texts: readonly (readonly [pod: Pod, nodes: readonly Node[], text: string])[] = [
  [testPod("new"), [], "no nodes available to schedule pods"],
  [asks("5"), three, "0/3 nodes are available: 3 Insufficient cpu."],
  [
    asks("5"),
    [testNode("a"), testNode("b", master), testNode("c", master)],
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
  ],
  [
    asks("1", "16Gi"),
    [...three, testNode("d", { unschedulable: true })],
    "0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient memory.",
  ],
  [asks("5", "16Gi"), three, "0/3 nodes are available: 3 Insufficient cpu, 3 Insufficient memory."],
  [
    forNode("b"),
    [testNode("a"), testNode("b", { allocatable: { pods: "0" } }), testNode("c")],
    "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  ],
  [forNode("gone"), three, "0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity]."],
  [
    asks("1"),
    Array.from({ length: 12 }, (_, index) =>
      testNode(`n${index}`, index < 2 ? { unschedulable: true } : { allocatable: { cpu: "0" } }),
    ),
    "0/12 nodes are available: 10 Insufficient cpu, 2 node(s) were unschedulable.",
  ],
];

for (const [pod, nodes, text] of texts) {
  test(`unschedulableText says: ${text}`, () => assert.equal(textOf(pod, nodes), text));
}

test("schedulePod says which changes can help, and a new node always can", () => {
  const helpedBy = (pod: Pod, nodes: readonly Node[]): readonly string[] => {
    const scheduling = schedulePod(pod, clusterOf({ nodes }));
    return "unschedulable" in scheduling ? [...scheduling.unschedulable.helpedBy].sort() : [];
  };
  assert.deepEqual(helpedBy(testPod("new"), []), ["NodeAdded"]);
  assert.deepEqual(helpedBy(asks("5"), three), ["NodeAdded", "NodeAllocatable", "PodRemoved"]);
  assert.deepEqual(helpedBy(asks("5"), [testNode("a", master)]), ["NodeAdded", "NodeTaints"]);
});

test("schedulePod takes the only node that fits", () => {
  assert.deepEqual(schedulePod(forNode("b"), clusterOf({ nodes: three })), { node: "b" });
});

test("schedulePod takes the emptier node, whatever the pod is called", () => {
  const pods = ["a", "c"].map((nodeName) => testPod(nodeName, { requests: { cpu: "1" }, spec: { nodeName } }));
  const cluster = clusterOf({ nodes: three, pods });
  for (let number = 0; number < 10; number++) {
    assert.deepEqual(schedulePod(testPod(`web-${number}`), cluster), { node: "b" });
  }
});

test("schedulePod decides the same for the same pod, and spreads different ones over equal nodes", () => {
  const cluster = clusterOf({ nodes: three });
  const counts = new Map<string, number>();
  for (let number = 0; number < 300; number++) {
    const pod = testPod(`web-${number}`);
    const scheduling = schedulePod(pod, cluster);
    assert.deepEqual(schedulePod(pod, cluster), scheduling);
    assert.ok("node" in scheduling);
    counts.set(scheduling.node, (counts.get(scheduling.node) ?? 0) + 1);
  }
  assert.ok(Math.min(...counts.values()) > 60 && counts.size === 3, JSON.stringify([...counts]));
});
