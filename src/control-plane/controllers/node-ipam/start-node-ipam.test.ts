import assert from "node:assert/strict";
import { test } from "node:test";
import { event as eventKind } from "#api/kinds/event.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { parsePrefix } from "#base/ip-address.ts";
import { sampleNode } from "../testing/sample-objects.ts";
import { createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { nodeIpamController } from "./start-node-ipam.ts";

function ipam(...cidrs: readonly string[]) {
  return nodeIpamController({ clusterCidrs: cidrs.map(parsePrefix), nodeMaskSizes: { ipv4: 24, ipv6: 64 } });
}

async function cidrs(cluster: TestCluster): Promise<readonly string[]> {
  const nodes = await cluster.list(nodeKind);
  return nodes.map(({ metadata, spec = {} }) => `${metadata.name} ${(spec.podCIDRs ?? []).join()}`);
}

async function createNodes(cluster: TestCluster, ...names: readonly string[]): Promise<void> {
  for (const name of names) await cluster.create(nodeKind, sampleNode(name));
}

test("nodeIpamController gives each node ranges of each family, and writes each once", async () => {
  await using cluster = await createTestCluster();
  await createNodes(cluster, "a");
  await cluster.start(ipam("10.244.0.0/16", "fd00:10:244::/48"));
  await createNodes(cluster, "b");
  await cluster.settle();
  assert.deepEqual(await cidrs(cluster), ["a 10.244.0.0/24,fd00:10:244::/64", "b 10.244.1.0/24,fd00:10:244:1::/64"]);
  assert.equal((await cluster.get(nodeKind, "b")).spec?.podCIDR, "10.244.1.0/24");
  await cluster.pass(3600);
  assert.deepEqual(cluster.writes, ["patch nodes a", "patch nodes b"]);
});

test("nodeIpamController learns what nodes have before it gives anything", async () => {
  await using cluster = await createTestCluster();
  await createNodes(cluster, "a");
  await cluster.create(nodeKind, { ...sampleNode("b"), spec: { podCIDRs: ["10.244.0.0/24"] } });
  await cluster.create(nodeKind, { ...sampleNode("c"), spec: { podCIDRs: ["10.244.2.0/24"] } });
  await cluster.create(nodeKind, { ...sampleNode("foreign"), spec: { podCIDRs: ["192.0.2.0/24"] } });
  await cluster.start(ipam("10.244.0.0/16"));
  await createNodes(cluster, "d");
  await cluster.settle();
  assert.deepEqual(await cidrs(cluster), [
    "a 10.244.1.0/24",
    "b 10.244.0.0/24",
    "c 10.244.2.0/24",
    "d 10.244.3.0/24",
    "foreign 192.0.2.0/24",
  ]);
});

test("nodeIpamController says when there is no range left, and gives the next that is free", async () => {
  await using cluster = await createTestCluster();
  await createNodes(cluster, "a", "b");
  await cluster.start(ipam("10.244.0.0/23", "fd00::/48"));
  await createNodes(cluster, "c");
  await cluster.settle();
  assert.equal((await cidrs(cluster)).at(-1), "c ");
  const events = await cluster.list(eventKind);
  assert.deepEqual(
    events.map(({ reason, message }) => `${reason}: ${message}`),
    ["CIDRNotAvailable: Node c status is now: CIDRNotAvailable"],
  );
  await cluster.delete(nodeKind, "a");
  await cluster.settle();
  assert.equal((await cidrs(cluster)).at(-1), "c 10.244.0.0/24,fd00:0:0:3::/64");
});

test("nodeIpamController gives nobody two ranges, wherever it is stopped", async () => {
  await using cluster = await createTestCluster();
  await createNodes(cluster, "a", "b", "c");
  cluster.writesLeft = 1;
  const first = await cluster.start(ipam("10.244.0.0/16"));
  await first[Symbol.asyncDispose]();
  cluster.writesLeft = Number.POSITIVE_INFINITY;
  await cluster.start(ipam("10.244.0.0/16"));
  const given = (await cidrs(cluster)).map((text) => text.split(" ")[1]);
  assert.deepEqual(given.toSorted(), ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]);
  assert.equal(cluster.writes.length, 3);
});

test("nodeIpamController tells when two nodes have the same range", async () => {
  await using cluster = await createTestCluster();
  for (const name of ["a", "b"]) {
    await cluster.create(nodeKind, { ...sampleNode(name), spec: { podCIDRs: ["10.244.7.0/24"] } });
  }
  await cluster.start(ipam("10.244.0.0/16"));
  assert.deepEqual(
    (await cluster.list(eventKind)).map(({ reason, involvedObject }) => `${reason} ${involvedObject.name}`),
    ["CIDRAssignmentFailed b"],
  );
});

test("nodeIpamController keeps away from the ranges of services", async () => {
  await using cluster = await createTestCluster();
  const reservedCidrs = [parsePrefix("10.244.0.0/20")];
  await createNodes(cluster, "a");
  await cluster.start(nodeIpamController({ clusterCidrs: [parsePrefix("10.244.0.0/16")], reservedCidrs }));
  assert.deepEqual(await cidrs(cluster), ["a 10.244.16.0/24"]);
});

test("nodeIpamController refuses ranges that cannot be cut", () => {
  assert.throws(() => ipam("10.244.0.0/25"), RangeError);
});
