import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { lease as leaseKind } from "#api/kinds/lease.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { DRAIN_ANNOTATION, DRAIN_PROGRAMMED, findDrained } from "#api/programmed/drain.ts";
import { PROGRAMMED_NAMESPACE, QUESTION_NAME } from "#api/programmed/question.ts";
import { formatServiceAnswer, serviceAnswerName } from "#api/programmed/service-answer.ts";
import { endpointSliceController } from "../endpoint-slice/start-endpoint-slice.ts";
import { runningPod, runPod, sampleNode, sampleService } from "../testing/sample-objects.ts";
import { createNamespace, createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { drainedPodsController } from "./start-drained-pods.ts";

const QUESTION = `patch leases ${PROGRAMMED_NAMESPACE}/${QUESTION_NAME}`;
const questions = (cluster: TestCluster): number => cluster.writes.filter((write) => write === QUESTION).length;

async function createNodes(cluster: TestCluster, ...names: readonly string[]): Promise<void> {
  for (const name of names) await cluster.create(nodeKind, sampleNode(name));
  for (const name of names) await setReady(cluster, name, "True");
}

async function setReady(cluster: TestCluster, name: string, status: "True" | "Unknown"): Promise<void> {
  await cluster.change(nodeKind, name, (old) => ({ ...old, status: sampleNode(name, status).status }));
}

async function createWeb(cluster: TestCluster, names: readonly string[], labels = { app: "web" }): Promise<void> {
  for (const [index, name] of names.entries()) {
    const metadata = { labels, annotations: { [DRAIN_ANNOTATION]: DRAIN_PROGRAMMED } };
    const spec = { nodeName: "a", terminationGracePeriodSeconds: 30 };
    await runPod(cluster, runningPod(name, `10.0.0.${index + 1}`, { metadata, spec }));
  }
  await cluster.settle();
}

/** What a node's agent does while it is asked. */
async function answer(cluster: TestCluster, node: string): Promise<void> {
  const question = await cluster.find(leaseKind, `${PROGRAMMED_NAMESPACE}/${QUESTION_NAME}`);
  assert.ok(question, "nobody has asked");
  const slices = await cluster.list(endpointSlice);
  const endpointSlices = Math.max(0, ...slices.map(({ metadata }) => Number(metadata.resourceVersion)));
  const version = Number(question.metadata.resourceVersion);
  const lease = formatServiceAnswer({
    node,
    question: version,
    proxy: "nftables",
    programmed: { services: 1, endpointSlices },
  });
  const name = `${PROGRAMMED_NAMESPACE}/${serviceAnswerName(node)}`;
  if ((await cluster.find(leaseKind, name)) === undefined) await cluster.create(leaseKind, lease);
  else await cluster.change(leaseKind, name, (old) => ({ ...old, metadata: { ...old.metadata, ...lease.metadata } }));
  await cluster.settle();
}

async function told(cluster: TestCluster, name: string) {
  const { status, reason, message } = findDrained(await cluster.get(podKind, `default/${name}`)) ?? {};
  return status && { status, reason, message };
}

async function createWorld(nodes: readonly string[]): Promise<TestCluster> {
  const cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await createNodes(cluster, ...nodes);
  await cluster.start(endpointSliceController(), drainedPodsController());
  return cluster;
}

const NAMES = ["one", "two", "three"];

test("drainedPodsController asks once for all pods that end, and writes True when all nodes have dropped them", async () => {
  await using cluster = await createWorld(["a", "b"]);
  await cluster.create(serviceKind, sampleService("web"));
  await createWeb(cluster, NAMES);
  assert.equal(questions(cluster), 0);
  for (const name of NAMES) await cluster.delete(podKind, `default/${name}`);
  await cluster.settle();
  assert.equal(questions(cluster), 1);
  await answer(cluster, "a");
  assert.equal(await told(cluster, "one"), undefined);
  await cluster.pass(3);
  const missing = { status: "False", reason: "NodesMissing", message: "No answer from the agent of b" };
  assert.deepEqual(await told(cluster, "one"), missing);
  await answer(cluster, "b");
  for (const name of NAMES) assert.equal((await told(cluster, name))?.status, "True");
  assert.equal(questions(cluster), 1);
  assert.deepEqual(cluster.errors, []);
});

test("drainedPodsController waits for the slices, whatever nodes had before", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await createNodes(cluster, "a");
  await cluster.create(serviceKind, sampleService("web"));
  const slices = await cluster.start(endpointSliceController());
  await cluster.start(drainedPodsController());
  await createWeb(cluster, NAMES);
  await slices[Symbol.asyncDispose]();
  await cluster.delete(podKind, "default/one");
  await cluster.settle();
  await answer(cluster, "a");
  await cluster.pass(3);
  assert.equal((await told(cluster, "one"))?.reason, "SlicesMissing");
  await cluster.start(endpointSliceController());
  assert.equal((await told(cluster, "one"))?.status, "False");
  await answer(cluster, "a");
  assert.equal((await told(cluster, "one"))?.status, "True");
});

test("drainedPodsController asks nobody for a pod to which no Service leads", async () => {
  await using cluster = await createWorld(["a"]);
  await cluster.create(serviceKind, sampleService("web"));
  await createWeb(cluster, ["batch"], { app: "batch" });
  await cluster.delete(podKind, "default/batch");
  await cluster.settle();
  assert.deepEqual([(await told(cluster, "batch"))?.reason, questions(cluster)], ["NoEndpoint", 0]);
});

test("drainedPodsController does not wait for nodes that go or are not ready", async () => {
  await using cluster = await createWorld(["a", "b", "c"]);
  await cluster.create(serviceKind, sampleService("web"));
  await createWeb(cluster, NAMES);
  await cluster.delete(podKind, "default/one");
  await cluster.settle();
  await answer(cluster, "a");
  await setReady(cluster, "b", "Unknown");
  await cluster.settle();
  assert.equal(await told(cluster, "one"), undefined);
  await cluster.delete(nodeKind, "c");
  await cluster.settle();
  assert.equal((await told(cluster, "one"))?.status, "True");
});

test("drainedPodsController leaves pods alone that do not want it or whose time is over", async () => {
  await using cluster = await createWorld(["a"]);
  await cluster.create(serviceKind, sampleService("web"));
  await createWeb(cluster, NAMES);
  await cluster.change(podKind, "default/two", (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: {} } }));
  const before = cluster.writes.length;
  for (const name of ["one", "two"]) await cluster.delete(podKind, `default/${name}`);
  for (const seconds of [3, 17]) await cluster.pass(seconds);
  assert.equal(await told(cluster, "two"), undefined);
  assert.deepEqual(
    cluster.writes.slice(before).filter((write) => write.includes("pods")),
    ["patch pods/status default/one"],
  );
  for (let passed = 0; passed < 300; passed += 60) await cluster.pass(60);
  assert.equal(questions(cluster), 1, "its kubelet waits no longer");
});

test("drainedPodsController goes on with another process, and says again what somebody has taken back", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, PROGRAMMED_NAMESPACE);
  await createNodes(cluster, "a");
  const first = await cluster.start(endpointSliceController(), drainedPodsController());
  await cluster.create(serviceKind, sampleService("web"));
  await createWeb(cluster, NAMES);
  await cluster.delete(podKind, "default/one");
  await cluster.settle();
  await first[Symbol.asyncDispose]();
  await answer(cluster, "a");
  await cluster.start(endpointSliceController(), drainedPodsController());
  assert.equal((await told(cluster, "one"))?.status, "True");
  await cluster.change(podKind, "default/one", (pod) => ({ ...pod, status: { ...pod.status, conditions: [] } }));
  await cluster.settle();
  assert.equal((await told(cluster, "one"))?.status, "True");
});
