import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndpointSlice, endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { readyStatus, runningPod, runPod, sampleNode, sampleService } from "../testing/sample-objects.ts";
import { createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { endpointSliceController } from "./start-endpoint-slice.ts";

/** "web-0 ready", "web-1 serving terminating" of all slices. */
function texts(slices: readonly EndpointSlice[]): readonly string[] {
  return slices
    .flatMap(({ endpoints }) => endpoints)
    .map(({ targetRef, conditions = {} }) => {
      const names = (["ready", "serving", "terminating"] as const).filter((name) => conditions[name] === true);
      return [targetRef?.name, ...names].join(" ");
    })
    .sort();
}

async function createWeb(pods: number): Promise<TestCluster> {
  const cluster = await createTestCluster();
  await cluster.create(nodeKind, sampleNode("node-1", "True", "zone-a"));
  const { uid: _uid, ...metadata } = sampleService("web").metadata;
  await cluster.create(serviceKind, { ...sampleService("web"), metadata });
  for (let index = 0; index < pods; index += 1)
    await runPod(cluster, runningPod(`web-${index}`, `10.0.0.${index + 1}`));
  return cluster;
}

test("endpointSliceController follows pods as they become ready, end and go", async () => {
  await using cluster = await createWeb(2);
  await cluster.start(endpointSliceController());
  const slices = () => cluster.list(endpointSlice, "default");
  assert.deepEqual(texts(await slices()), ["web-0 ready serving", "web-1 ready serving"]);
  assert.deepEqual(cluster.writes, ["create endpointslices default/web-"]);

  await cluster.change(podKind, "default/web-1", (pod) => ({
    ...pod,
    status: { ...pod.status, ...readyStatus(false) },
  }));
  await cluster.settle();
  assert.deepEqual(texts(await slices()), ["web-0 ready serving", "web-1"]);

  await cluster.delete(podKind, "default/web-0", { gracePeriodSeconds: 30 });
  await cluster.settle();
  assert.deepEqual(texts(await slices()), ["web-0 serving terminating", "web-1"]);

  await cluster.delete(podKind, "default/web-0", { gracePeriodSeconds: 0 });
  await cluster.settle();
  assert.deepEqual(texts(await slices()), ["web-1"]);
  assert.equal(cluster.writes.length, 4, "each change is one write");

  await cluster.pass(3600);
  assert.equal(cluster.writes.length, 4, "and nothing else is written");
  assert.deepEqual(cluster.errors, []);
});

test("endpointSliceController writes one of many slices when one pod changes", async () => {
  await using cluster = await createWeb(7);
  await cluster.start(endpointSliceController({ maxEndpointsPerSlice: 3 }));
  assert.deepEqual(
    (await cluster.list(endpointSlice, "default")).map(({ endpoints }) => endpoints.length).sort(),
    [1, 3, 3],
  );
  cluster.writes.length = 0;
  await cluster.change(podKind, "default/web-4", (pod) => ({
    ...pod,
    status: { ...pod.status, ...readyStatus(false) },
  }));
  await cluster.settle();
  assert.equal(cluster.writes.length, 1);
});

test("endpointSliceController follows the zones of nodes, and nodes that come late", async () => {
  await using cluster = await createWeb(1);
  await runPod(cluster, runningPod("far", "10.0.0.9", { spec: { nodeName: "node-2" } }));
  await cluster.start(endpointSliceController());
  const zones = async () =>
    (await cluster.list(endpointSlice, "default")).flatMap(({ endpoints }) => endpoints.map(({ zone }) => zone)).sort();
  assert.deepEqual(await zones(), ["zone-a"]);
  await cluster.create(nodeKind, sampleNode("node-2", "True", "zone-b"));
  await cluster.settle();
  assert.deepEqual(await zones(), ["zone-a", "zone-b"]);
  await cluster.change(nodeKind, "node-2", (node) => ({
    ...node,
    metadata: { ...node.metadata, labels: { "topology.kubernetes.io/zone": "zone-c" } },
  }));
  await cluster.settle();
  assert.deepEqual(await zones(), ["zone-a", "zone-c"]);
});

test("endpointSliceController repairs what others break, and leaves the slices of others alone", async () => {
  await using cluster = await createWeb(1);
  await cluster.create(endpointSlice, {
    metadata: { namespace: "default", name: "by-hand", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [],
    ports: [],
  });
  await cluster.start(endpointSliceController());
  const own = async () => {
    const slices = await cluster.list(endpointSlice, "default");
    return slices.find(({ metadata }) => metadata.name !== "by-hand");
  };
  const name = `default/${(await own())?.metadata.name}`;
  await cluster.change(endpointSlice, name, (slice) => ({ ...slice, endpoints: [] }));
  await cluster.settle();
  assert.deepEqual(texts(await cluster.list(endpointSlice)), ["web-0 ready serving"]);
  await cluster.delete(endpointSlice, name);
  await cluster.settle();
  assert.deepEqual(texts(await cluster.list(endpointSlice)), ["web-0 ready serving"]);
  assert.ok(await cluster.find(endpointSlice, "default/by-hand"));
});

test("endpointSliceController leaves services without a selector alone", async () => {
  await using cluster = await createWeb(1);
  await cluster.change(serviceKind, "default/web", ({ spec: { selector: _selector, ...spec }, ...service }) => ({
    ...service,
    spec,
  }));
  await cluster.start(endpointSliceController());
  assert.deepEqual(cluster.writes, []);
});

test("endpointSliceController creates a slice once, however late its caches are", async () => {
  await using cluster = await createWeb(1);
  const starting = cluster.start(endpointSliceController());
  for (let index = 1; index < 9; index += 1) await runPod(cluster, runningPod(`web-${index}`, `10.0.0.${index + 1}`));
  await starting;
  await cluster.settle();
  assert.equal((await cluster.list(endpointSlice, "default")).length, 1);
  assert.equal(texts(await cluster.list(endpointSlice, "default")).length, 9);
});
