import assert from "node:assert/strict";
import { test } from "node:test";
import { isApiError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import { deployment } from "#api/kinds/deployment.ts";
import { namespace } from "#api/kinds/namespace.ts";
import { pod } from "#api/kinds/pod/pod.ts";
import { createMemoryClient } from "./memory-client.ts";

const never = new AbortController().signal;
const web = { namespace: "default", name: "web" };

test("MemoryClient refuses what is there, what is not, and what was changed meanwhile", async () => {
  const client = createMemoryClient();
  const made = await client.create(configMap, { metadata: web, data: { a: "1" } }, never);
  await assert.rejects(client.create(configMap, { metadata: web }, never), (error) =>
    isApiError(error, "AlreadyExists"),
  );
  const next = await client.update(configMap, { ...made, data: { a: "2" } }, never);
  await assert.rejects(client.update(configMap, made, never), (error) => isApiError(error, "Conflict"));
  assert.ok(Number(next.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
  await client.delete(configMap, web, {}, never);
  await assert.rejects(client.get(configMap, web, never), (error) => isApiError(error, "NotFound"));
  assert.deepEqual(client.requests.slice(0, 2), ["create configmaps default/web", "create configmaps default/web"]);
});

test("MemoryClient writes status and spec apart, and counts generations of the spec", async () => {
  const client = createMemoryClient();
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "a" }] } };
  const spec = { replicas: 1, selector: { matchLabels: { app: "web" } }, template };
  const made = client.put(deployment, { metadata: web, spec, status: { replicas: 1 } });
  const scaled = await client.update(deployment, { ...made, spec: { ...spec, replicas: 5 }, status: {} }, never);
  assert.deepEqual([scaled.spec.replicas, scaled.status?.replicas, scaled.metadata.generation], [5, 1, 2]);
  const seen = await client.updateStatus(deployment, { ...scaled, spec, status: { replicas: 5 } }, never);
  assert.deepEqual([seen.spec.replicas, seen.status?.replicas, seen.metadata.generation], [5, 5, 2]);
  const patched = await client.patch(
    deployment,
    web,
    { type: "merge", body: { metadata: { labels: { a: "b" } } } },
    never,
  );
  assert.deepEqual([patched.metadata.labels, patched.metadata.generation], [{ a: "b" }, 2]);
});

test("MemoryClient keeps what has finalizers until they are gone", async () => {
  const client = createMemoryClient();
  client.put(configMap, { metadata: { ...web, finalizers: ["x"] } });
  await client.delete(configMap, web, { propagationPolicy: "Foreground" }, never);
  const marked = await client.get(configMap, web, never);
  assert.deepEqual(marked.metadata.finalizers, ["x", "foregroundDeletion"]);
  assert.ok(marked.metadata.deletionTimestamp !== undefined);
  await client.update(configMap, { ...marked, metadata: { ...marked.metadata, finalizers: [] } }, never);
  assert.deepEqual(client.all(configMap), []);
  const shop = client.put(namespace, { metadata: { name: "shop" }, spec: { finalizers: ["kubernetes"] } });
  await client.delete(namespace, { name: "shop" }, {}, never);
  const ending = await client.get(namespace, { name: "shop" }, never);
  assert.equal(ending.status?.phase, "Terminating");
  await client.updateSubresource(namespace, { ...ending, spec: { finalizers: [] } }, "finalize", never);
  assert.equal(client.all(namespace).length, 0);
  assert.equal(shop.metadata.name, "shop");
});

test("MemoryClient binds and evicts pods", async () => {
  const client = createMemoryClient();
  client.put(pod, { metadata: web, spec: { containers: [{ name: "a", image: "a" }] } });
  await client.createSubresource(pod, web, "binding", { target: { name: "n1" } }, never);
  assert.equal((await client.get(pod, web, never)).spec.nodeName, "n1");
  await client.createSubresource(pod, web, "eviction", {}, never);
  assert.deepEqual(client.all(pod), []);
});
