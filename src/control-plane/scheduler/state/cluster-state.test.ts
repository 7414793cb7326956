import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSelector } from "../pod/pod-selector.ts";
import { siblingsQuery } from "../pod/spread-constraint.ts";
import { clusterOf, testNamespace, testNode, testPod } from "../testing/builders.ts";
import { on } from "../testing/filter-cases.ts";

const all = siblingsQuery("default", compileSelector({}));

test("assume takes room until the binding is seen or has failed", () => {
  const cluster = clusterOf({ nodes: [testNode("a")] });
  const pod = testPod("web", { requests: { cpu: "1" } });
  const used = () => cluster.findNode("a")?.used.get("cpu");
  cluster.assume(pod, "a");
  assert.equal(used(), 1000);
  assert.equal(cluster.isAssumed("default/web"), true);
  assert.equal(cluster.forget(pod), true);
  assert.equal(used(), undefined);
  cluster.assume(pod, "a");
  cluster.setPod(on("a", "web", { requests: { cpu: "1" } }));
  assert.equal(used(), 1000);
  assert.equal(cluster.isAssumed("default/web"), false);
  assert.equal(cluster.forget(pod), false);
  assert.equal(used(), 1000);
});

test("forget leaves another pod of the same name alone", () => {
  const cluster = clusterOf({ nodes: [testNode("a")] });
  cluster.assume(testPod("web", { metadata: { uid: "new" } }), "a");
  assert.equal(cluster.forget(testPod("web", { metadata: { uid: "old" } })), false);
  assert.equal(cluster.findNode("a")?.podCount, 1);
});

test("setPod moves a pod that is seen on another node than was assumed", () => {
  const cluster = clusterOf({ nodes: [testNode("a"), testNode("b")] });
  cluster.assume(testPod("web"), "a");
  cluster.setPod(on("b", "web"));
  assert.deepEqual(
    cluster.nodes.map(({ podCount }) => podCount),
    [0, 1],
  );
});

test("nodes keep their pods while they are away, and pods may come first", () => {
  const cluster = clusterOf({ nodes: [], pods: [on("a", "web", { requests: { cpu: "1" } })] });
  assert.deepEqual(cluster.nodes, []);
  assert.equal(cluster.findNode("a"), undefined);
  cluster.setNode(testNode("a"));
  assert.equal(cluster.findNode("a")?.used.get("cpu"), 1000);
  cluster.removeNode("a");
  assert.deepEqual(cluster.nodes, []);
  cluster.setNode(testNode("a"));
  assert.equal(cluster.findNode("a")?.used.get("cpu"), 1000);
  cluster.removeNode("a");
  cluster.removePod("default/web");
  cluster.setNode(testNode("a"));
  assert.equal(cluster.findNode("a")?.podCount, 0);
});

test("countPods follows pods that come, change and go", () => {
  const cluster = clusterOf({ nodes: [testNode("a")] });
  const web = siblingsQuery("default", compileSelector({ matchLabels: { app: "web" } }));
  const counts = () => [web, all].map((query) => [...cluster.countPods(query).values()]);
  assert.deepEqual(counts(), [[], []]);
  cluster.setPod(on("a", "p1", { labels: { app: "web" } }));
  cluster.setPod(on("a", "p2", { labels: { app: "db" } }));
  cluster.setPod(on("a", "p3", { labels: { app: "web" }, metadata: { namespace: "other" } }));
  assert.deepEqual(counts(), [[1], [2]]);
  cluster.setPod(on("a", "p2", { labels: { app: "web" } }));
  assert.deepEqual(counts(), [[2], [2]]);
  cluster.setPod(on("a", "p1", { labels: { app: "web" }, metadata: { deletionTimestamp: "2025-01-01T00:00:00Z" } }));
  assert.deepEqual(counts(), [[1], [1]]);
  cluster.removePod("default/p1");
  cluster.removePod("default/p2");
  assert.deepEqual(counts(), [[], []]);
});

test("countPods stays right when it is asked about more than it keeps", () => {
  const cluster = clusterOf({ nodes: [testNode("a")] });
  const queries = Array.from({ length: 3000 }, (_, index) =>
    siblingsQuery("default", compileSelector({ matchLabels: { app: `app-${index % 1500}` } })),
  );
  for (const [index, query] of queries.entries()) {
    cluster.setPod(on("a", `p${index}`, { labels: { app: `app-${index % 1500}` } }));
    assert.deepEqual([...cluster.countPods(query).values()], [index < 1500 ? 1 : 2]);
  }
});

test("namespacesMatching follows namespaces", () => {
  const cluster = clusterOf({ nodes: [], namespaces: [testNamespace("a", { env: "prod" }), testNamespace("b")] });
  const prod = { matchLabels: { env: "prod" } };
  assert.deepEqual(cluster.namespacesMatching(prod), ["a"]);
  cluster.setNamespace(testNamespace("b", { env: "prod" }));
  cluster.removeNamespace("a");
  assert.deepEqual(cluster.namespacesMatching(prod), ["b"]);
});
