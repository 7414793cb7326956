import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { secret } from "#api/kinds/secret.ts";
import { runningPod, runPod, samplePod } from "../testing/sample-objects.ts";
import { createNamespace, createTestCluster } from "../testing/test-cluster.ts";
import { namespaceController } from "./start-namespace.ts";

test("namespaceController deletes what is in a namespace, and then the namespace", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, "shop");
  await createNamespace(cluster, "other");
  await cluster.start(namespaceController(cluster.kinds));
  await cluster.create(configMap, { metadata: { namespace: "shop", name: "settings" } });
  await cluster.create(secret, { metadata: { namespace: "shop", name: "key" } });
  await cluster.create(pod, samplePod("web", { metadata: { namespace: "shop" } }));
  await cluster.create(configMap, { metadata: { namespace: "other", name: "settings" } });

  await cluster.delete(namespace, "shop");
  await cluster.settle();

  assert.equal(await cluster.find(namespace, "shop"), undefined);
  assert.deepEqual(await cluster.list(configMap, "shop"), []);
  assert.equal((await cluster.list(configMap, "other")).length, 1);
  assert.deepEqual(cluster.errors, []);
});

test("namespaceController waits for pods that end and for finalizers, and says so", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, "shop");
  await runPod(cluster, runningPod("web", "10.0.0.1", { metadata: { namespace: "shop" } }));
  const held = { namespace: "shop", name: "held", finalizers: ["example.com/hold"] };
  await cluster.create(configMap, { metadata: held });
  await cluster.delete(namespace, "shop");
  await cluster.start(namespaceController(cluster.kinds));

  const conditions = async () => {
    const { status } = await cluster.get(namespace, "shop");
    return new Map(status?.conditions?.map(({ type, status: value, message }) => [type, `${value}: ${message}`]));
  };
  assert.equal(
    (await conditions()).get("NamespaceContentRemaining"),
    "True: Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances",
  );
  assert.equal((await cluster.get(configMap, "shop/held")).metadata.deletionTimestamp, undefined, "pods go first");
  const before = cluster.writes.length;
  await cluster.pass(600);
  assert.deepEqual(cluster.writes.slice(before), [], "nothing is written while it waits");

  await cluster.delete(pod, "shop/web", { gracePeriodSeconds: 0 });
  await cluster.settle();
  assert.equal(
    (await conditions()).get("NamespaceFinalizersRemaining"),
    "True: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
  );

  await cluster.change(configMap, "shop/held", (held) => ({ ...held, metadata: { ...held.metadata, finalizers: [] } }));
  await cluster.settle();
  assert.equal(await cluster.find(namespace, "shop"), undefined);
});
