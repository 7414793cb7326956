import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { pod as podKind } from "#api/kinds/pod/pod.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { clusterControllers } from "./cluster-controllers.ts";
import { widget } from "./testing/custom-kind.ts";
import { renewLease, runningPod, runPod, sampleNode, sampleService } from "./testing/sample-objects.ts";
import { createNamespace, createTestCluster, type TestCluster } from "./testing/test-cluster.ts";

function controllersOf(cluster: TestCluster) {
  return clusterControllers({
    kinds: cluster.kinds,
    apiServers: [{ address: parseAddress("192.0.2.1"), port: 6443 }],
    caCertificate: "PEM",
    serviceCidrs: [parsePrefix("10.96.0.0/16")],
    clusterCidrs: [parsePrefix("10.244.0.0/16")],
  });
}

/** A node, a service and its pod in a namespace of their own. */
async function createShop(cluster: TestCluster): Promise<void> {
  await createNamespace(cluster, "shop");
  await cluster.create(nodeKind, sampleNode("node-1"));
  const { uid: _uid, ...metadata } = sampleService("web").metadata;
  await cluster.create(serviceKind, { ...sampleService("web"), metadata: { ...metadata, namespace: "shop" } });
  await runPod(cluster, runningPod("web-0", "10.244.0.5", { metadata: { namespace: "shop" } }));
  await cluster.create(widget, { metadata: { namespace: "shop", name: "thing" } });
}

test("clusterControllers write nothing once everything is as it should be, also after a restart", async () => {
  await using cluster = await createTestCluster({ kinds: [widget] });
  const first = await cluster.start(...controllersOf(cluster));
  await createShop(cluster);
  await renewLease(cluster, "node-1");
  await cluster.settle();
  assert.deepEqual((await cluster.get(nodeKind, "node-1")).spec?.podCIDRs, ["10.244.0.0/24"]);
  assert.equal((await cluster.get(endpointsKind, "shop/web")).subsets?.length, 1);
  assert.equal((await cluster.list(endpointSlice, "shop")).length, 1);
  const before = cluster.writes.length;
  for (let passed = 0; passed < 300; passed += 30) {
    await cluster.pass(30);
    await renewLease(cluster, "node-1");
  }
  assert.deepEqual(cluster.writes.slice(before), []);
  await first[Symbol.asyncDispose]();
  await cluster.start(...controllersOf(cluster));
  assert.deepEqual(cluster.writes.slice(before), []);
  assert.deepEqual(cluster.errors, []);
});

test("clusterControllers delete a namespace with everything in it, though some of them fill it", async () => {
  await using cluster = await createTestCluster({ kinds: [widget] });
  await cluster.start(...controllersOf(cluster));
  await createShop(cluster);
  await cluster.settle();
  await cluster.delete(namespace, "shop");
  await cluster.settle();
  const { status } = await cluster.get(namespace, "shop");
  assert.equal(status?.phase, "Terminating");
  await cluster.delete(podKind, "shop/web-0", { gracePeriodSeconds: 0 });
  await cluster.settle();
  assert.equal(await cluster.find(namespace, "shop"), undefined);
  for (const kind of [configMap, serviceKind, endpointSlice, endpointsKind, widget]) {
    assert.deepEqual(await cluster.list(kind as typeof widget, "shop"), []);
  }
  assert.deepEqual(cluster.errors, []);
});

test("clusterControllers come to the same end wherever they are stopped", async () => {
  for (let writes = 0; writes < 70; writes += 7) {
    await using cluster = await createTestCluster({ kinds: [widget] });
    await createShop(cluster);
    cluster.writesLeft = writes;
    const first = await cluster.start(...controllersOf(cluster));
    await first[Symbol.asyncDispose]();
    cluster.writesLeft = Number.POSITIVE_INFINITY;
    await cluster.start(...controllersOf(cluster));
    assert.equal((await cluster.get(endpointsKind, "shop/web")).subsets?.length, 1, `after ${writes} writes`);
    assert.equal((await cluster.list(endpointSlice, "shop")).length, 1);
    assert.ok(await cluster.find(configMap, "shop/kube-root-ca.crt"));
    assert.deepEqual((await cluster.get(nodeKind, "node-1")).spec?.podCIDRs, ["10.244.0.0/24"]);
    assert.ok(await cluster.find(serviceKind, "default/kubernetes"));
  }
});
