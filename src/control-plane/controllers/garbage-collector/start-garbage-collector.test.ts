import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#api/kind.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { secret } from "#api/kinds/secret.ts";
import type { OwnerReference } from "#api/meta/object-meta.ts";
import { widget } from "../testing/custom-kind.ts";
import { createNamespace, createTestCluster, type TestCluster } from "../testing/test-cluster.ts";
import { garbageCollectorController } from "./start-garbage-collector.ts";

function ownedBy(
  { apiVersion, kind, metadata }: KubeObject,
  changes: Partial<OwnerReference> = {},
): readonly OwnerReference[] {
  const { name = "", uid = "" } = metadata;
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true, ...changes }];
}

/** parent <- child <- grandchild */
async function createFamily(cluster: TestCluster): Promise<KubeObject> {
  const parent = await cluster.create(configMap, { metadata: { namespace: "default", name: "parent" } });
  const child = await cluster.create(configMap, {
    metadata: { namespace: "default", name: "child", ownerReferences: ownedBy(parent) },
  });
  await cluster.create(secret, {
    metadata: { namespace: "default", name: "grandchild", ownerReferences: ownedBy(child) },
  });
  return parent;
}

async function namesLeft(cluster: TestCluster): Promise<readonly string[]> {
  const all = [...(await cluster.list(configMap, "default")), ...(await cluster.list(secret, "default"))];
  return all.map(({ metadata }) => metadata.name ?? "").sort();
}

for (const propagationPolicy of ["Background", "Foreground"] as const) {
  test(`garbageCollectorController deletes dependents of dependents: ${propagationPolicy}`, async () => {
    await using cluster = await createTestCluster();
    await cluster.start(garbageCollectorController(cluster.kinds));
    await createFamily(cluster);
    await cluster.settle();
    assert.deepEqual(cluster.writes, [], "nothing to collect yet");

    await cluster.delete(configMap, "default/parent", { propagationPolicy });
    await cluster.settle();
    assert.deepEqual(await namesLeft(cluster), []);
    assert.deepEqual(cluster.errors, []);
  });
}

test("garbageCollectorController keeps an owner in the foreground until those that block it are gone", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(garbageCollectorController(cluster.kinds));
  await createFamily(cluster);
  await cluster.change(secret, "default/grandchild", (object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: ["example.com/hold"] },
  }));
  await cluster.delete(configMap, "default/parent", { propagationPolicy: "Foreground" });
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), ["child", "grandchild", "parent"]);
  const before = cluster.writes.length;
  await cluster.pass(3600);
  assert.deepEqual(cluster.writes.slice(before), [], "nothing is written while it waits");

  await cluster.change(secret, "default/grandchild", (object) => ({
    ...object,
    metadata: { ...object.metadata, finalizers: [] },
  }));
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), []);
});

test("garbageCollectorController orphans dependents", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(garbageCollectorController(cluster.kinds));
  await createFamily(cluster);
  await cluster.delete(configMap, "default/parent", { propagationPolicy: "Orphan" });
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), ["child", "grandchild"]);
  assert.equal((await cluster.get(configMap, "default/child")).metadata.ownerReferences, undefined);
});

test("garbageCollectorController collects what lost its owner while nobody looked", async () => {
  await using cluster = await createTestCluster();
  await createFamily(cluster);
  await cluster.delete(configMap, "default/parent");
  assert.deepEqual(await namesLeft(cluster), ["child", "grandchild"]);
  await cluster.start(garbageCollectorController(cluster.kinds));
  assert.deepEqual(await namesLeft(cluster), []);
});

for (const propagationPolicy of ["Background", "Foreground", "Orphan"] as const) {
  test(`garbageCollectorController goes on where another was stopped: ${propagationPolicy}`, async () => {
    for (let writes = 0; writes < 5; writes += 1) {
      await using cluster = await createTestCluster();
      await createFamily(cluster);
      await cluster.delete(configMap, "default/parent", { propagationPolicy });
      cluster.writesLeft = writes;
      const first = await cluster.start(garbageCollectorController(cluster.kinds));
      await first[Symbol.asyncDispose]();
      cluster.writesLeft = Number.POSITIVE_INFINITY;
      await cluster.start(garbageCollectorController(cluster.kinds));
      const left = propagationPolicy === "Orphan" ? ["child", "grandchild"] : [];
      assert.deepEqual(await namesLeft(cluster), left, `stopped after ${writes} writes`);
    }
  });
}

test("garbageCollectorController tells owners by their uid", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(garbageCollectorController(cluster.kinds));
  const owner = await cluster.create(configMap, { metadata: { namespace: "default", name: "owner" } });
  const wrong = ownedBy(owner, { uid: "another" });
  await cluster.create(secret, { metadata: { namespace: "default", name: "heir", ownerReferences: wrong } });
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), ["owner"], "the name alone does not count");
});

test("garbageCollectorController drops references to owners that are gone while another is there", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(garbageCollectorController(cluster.kinds));
  const owners = [];
  for (const name of ["one", "two"]) {
    owners.push(await cluster.create(configMap, { metadata: { namespace: "default", name } }));
  }
  const ownerReferences = owners.flatMap((owner) => ownedBy(owner, { controller: false }));
  await cluster.create(secret, { metadata: { namespace: "default", name: "shared", ownerReferences } });
  await cluster.delete(configMap, "default/one");
  await cluster.settle();
  const { metadata } = await cluster.get(secret, "default/shared");
  assert.deepEqual(
    metadata.ownerReferences?.map(({ name }) => name),
    ["two"],
  );
});

test("garbageCollectorController knows owners of the whole cluster, and none in other namespaces", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, "other");
  await createNamespace(cluster, "owner");
  await cluster.start(garbageCollectorController(cluster.kinds));
  const clusterOwner = await cluster.get(namespace, "owner");
  const foreign = await cluster.create(configMap, { metadata: { namespace: "other", name: "foreign" } });
  for (const [name, owner] of [
    ["kept", clusterOwner],
    ["misplaced", foreign],
  ] as const) {
    const metadata = { namespace: "default", name, ownerReferences: ownedBy(owner) };
    await cluster.create(secret, { metadata });
  }
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), ["kept"]);
});

test("garbageCollectorController leaves owners of kinds alone that it does not know, until it does", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(garbageCollectorController(cluster.kinds));
  const reference = { apiVersion: "example.com/v1", kind: "Widget", name: "gone", uid: "gone" };
  await cluster.create(secret, { metadata: { namespace: "default", name: "part", ownerReferences: [reference] } });
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), ["part"]);
  cluster.kinds.add(widget);
  await cluster.settle();
  assert.deepEqual(await namesLeft(cluster), []);
});

test("garbageCollectorController follows custom kinds as they come and go", async () => {
  await using cluster = await createTestCluster({ kinds: [widget] });
  await cluster.start(garbageCollectorController(cluster.kinds));
  const owner = await cluster.create(widget, { metadata: { namespace: "default", name: "owner" } });
  await cluster.create(widget, {
    metadata: { namespace: "default", name: "part", ownerReferences: ownedBy(owner) },
  });
  await cluster.create(secret, { metadata: { namespace: "default", name: "key", ownerReferences: ownedBy(owner) } });
  await cluster.delete(widget, "default/owner");
  await cluster.settle();
  assert.deepEqual(await cluster.list(widget, "default"), []);
  assert.deepEqual(await namesLeft(cluster), []);
  cluster.kinds.remove(widget);
  await cluster.settle();
  assert.deepEqual(cluster.errors, []);
});
