import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { endpoints as endpointsKind } from "#api/kinds/endpoints.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { service as serviceKind } from "#api/kinds/service/service.ts";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { bootstrapController } from "./start-bootstrap.ts";

function controller(...servers: readonly string[]) {
  return bootstrapController({
    apiServers: servers.map((address) => ({ address: parseAddress(address), port: 6443 })),
    serviceCidrs: [parsePrefix("10.96.0.0/16")],
  });
}

async function addresses(cluster: TestCluster): Promise<readonly (string | undefined)[]> {
  const { subsets = [] } = await cluster.get(endpointsKind, "default/kubernetes");
  const slice = await cluster.get(endpointSlice, "default/kubernetes");
  const ips = subsets.flatMap(({ addresses: ready = [], ports = [] }) =>
    ready.map(({ ip }) => `${ip}:${ports[0]?.port}`),
  );
  return [...ips, ...slice.endpoints.map((endpoint) => endpoint.addresses[0])];
}

test("bootstrapController makes what every cluster starts with, once", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(controller("192.0.2.1", "192.0.2.2"));
  const names = (await cluster.list(namespace)).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
  assert.ok(await cluster.find(clusterRole, "cluster-admin"));
  assert.ok(await cluster.find(clusterRoleBinding, "system:basic-user"));
  const { spec } = await cluster.get(serviceKind, "default/kubernetes");
  assert.equal(spec.clusterIP, "10.96.0.1");
  assert.equal(spec.ports?.[0]?.targetPort, 6443);
  assert.deepEqual(await addresses(cluster), ["192.0.2.1:6443", "192.0.2.2:6443", "192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(cluster.errors, []);

  const before = cluster.writes.length;
  await cluster.pass(3600);
  await cluster.start(controller("192.0.2.1", "192.0.2.2"));
  assert.deepEqual(cluster.writes.slice(before), [], "a second start writes nothing");
});

test("bootstrapController makes again what is deleted, and repairs the API server's addresses", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(controller("192.0.2.1"));
  await cluster.delete(clusterRole, "view");
  await cluster.delete(serviceKind, "default/kubernetes");
  await cluster.delete(endpointSlice, "default/kubernetes");
  await cluster.change(endpointsKind, "default/kubernetes", ({ subsets: _subsets, ...object }) => object);
  await cluster.settle();
  assert.ok(await cluster.find(clusterRole, "view"));
  assert.ok(await cluster.find(serviceKind, "default/kubernetes"));
  assert.deepEqual(await addresses(cluster), ["192.0.2.1:6443", "192.0.2.1"]);
});

test("bootstrapController follows the API servers, also to another family", async () => {
  await using cluster = await createTestCluster();
  const first = await cluster.start(controller("192.0.2.1"));
  await first[Symbol.asyncDispose]();
  await cluster.start(controller("2001:db8::1", "192.0.2.1"));
  assert.deepEqual(await addresses(cluster), ["2001:db8::1:6443", "2001:db8::1"]);
  assert.equal((await cluster.get(endpointSlice, "default/kubernetes")).addressType, "IPv6");
});

test("bootstrapController keeps a role that somebody changed", async () => {
  await using cluster = await createTestCluster();
  const first = await cluster.start(controller("192.0.2.1"));
  await first[Symbol.asyncDispose]();
  await cluster.change(clusterRole, "system:basic-user", (role) => ({ ...role, rules: [] }));
  await cluster.start(controller("192.0.2.1"));
  assert.deepEqual((await cluster.get(clusterRole, "system:basic-user")).rules ?? [], []);
});

test("bootstrapController leaves out addresses that no pod can reach", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(controller("127.0.0.1"));
  assert.ok(await cluster.find(serviceKind, "default/kubernetes"));
  assert.equal(await cluster.find(endpointsKind, "default/kubernetes"), undefined);
  assert.deepEqual(cluster.errors, []);
});
