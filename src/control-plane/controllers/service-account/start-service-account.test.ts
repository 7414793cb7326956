import assert from "node:assert/strict";
import { test } from "node:test";
import { configMap } from "#api/kinds/config-map.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import { createNamespace, createTestCluster } from "../testing/test-cluster.ts";
import { serviceAccountController } from "./start-service-account.ts";

const controller = () => serviceAccountController({ caCertificate: "PEM" });

test("serviceAccountController gives every namespace its account and CA, and gives them back", async () => {
  await using cluster = await createTestCluster();
  await cluster.start(controller());
  await createNamespace(cluster, "shop");
  await cluster.settle();
  assert.ok(await cluster.find(serviceAccount, "shop/default"));
  assert.deepEqual((await cluster.get(configMap, "shop/kube-root-ca.crt")).data, { "ca.crt": "PEM" });

  await cluster.delete(serviceAccount, "shop/default");
  await cluster.delete(configMap, "shop/kube-root-ca.crt");
  await cluster.change(configMap, "default/kube-root-ca.crt", (object) => ({
    ...object,
    data: { "ca.crt": "forged" },
  }));
  await cluster.settle();
  assert.ok(await cluster.find(serviceAccount, "shop/default"));
  assert.ok(await cluster.find(configMap, "shop/kube-root-ca.crt"));
  assert.deepEqual((await cluster.get(configMap, "default/kube-root-ca.crt")).data, { "ca.crt": "PEM" });

  const before = cluster.writes.length;
  await cluster.create(configMap, { metadata: { namespace: "shop", name: "settings" } });
  await cluster.pass(3600);
  assert.equal(cluster.writes.length, before, "nothing is written when nothing is missing");
  assert.deepEqual(cluster.errors, []);
});

test("serviceAccountController leaves namespaces alone that are being deleted", async () => {
  await using cluster = await createTestCluster();
  await createNamespace(cluster, "shop");
  await cluster.delete(namespace, "shop");
  await cluster.start(controller());
  assert.equal(await cluster.find(serviceAccount, "shop/default"), undefined);
  assert.deepEqual(cluster.errors, []);
});
