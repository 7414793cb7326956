import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { asJson } from "./stored-object.ts";
import { context, copyOf, createTestApi, named, podBody, rejects } from "./testing/test-api.ts";

const deployment: JsonObject = {
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "nginx" }] } },
  },
};

async function withDeployment() {
  const test = await createTestApi();
  const created = await test.api.create(test.target("deployments.apps"), deployment, context());
  return { ...test, created, web: test.target("deployments.apps", "web") };
}

test("replaceObject counts a new generation for a new spec only", async () => {
  const { api, created, web } = await withDeployment();
  const labelled = { ...copyOf(created), metadata: { ...copyOf(created).metadata, labels: { a: "b" } } };
  const first = await api.update(web, labelled, context());
  assert.equal(first.isNew, false);
  assert.equal(first.object.metadata.generation, 1);
  assert.ok(Number(first.object.metadata.resourceVersion) > Number(created.metadata.resourceVersion));
  const scaled = { ...copyOf(first.object), spec: { ...(deployment["spec"] as JsonObject), replicas: 2 } };
  const second = await api.update(web, scaled, context());
  assert.equal(second.object.metadata.generation, 2);
  const status = { ...copyOf(second.object), status: { replicas: 2, observedGeneration: 2 } };
  const third = await api.update({ ...web, subresource: "status" }, status, context());
  assert.equal(third.object.metadata.generation, 2);
});

test("replaceObject writes nothing when nothing changes", async () => {
  const { api, created, web, revision, pass } = await withDeployment();
  const before = await revision();
  pass(60);
  const { object } = await api.update(web, copyOf(created), context());
  assert.equal(object, await api.get(web, {}, context()));
  assert.equal(await revision(), before);
});

test("replaceObject keeps the status, and status keeps the spec", async () => {
  const { api, created, web } = await withDeployment();
  const both = {
    ...copyOf(created),
    spec: { ...(deployment["spec"] as JsonObject), replicas: 3 },
    status: { replicas: 9 },
  };
  const spec = asJson((await api.update(web, both, context())).object);
  assert.equal((spec["spec"] as JsonObject)["replicas"], 3);
  assert.notEqual((spec["status"] as JsonObject | undefined)?.["replicas"], 9);
  const again = {
    ...copyOf(created),
    metadata: { name: "web" },
    spec: { ...(deployment["spec"] as JsonObject), replicas: 7 },
    status: { replicas: 9 },
  };
  const status = asJson((await api.update({ ...web, subresource: "status" }, again, context())).object);
  assert.equal((status["spec"] as JsonObject)["replicas"], 3);
  assert.equal((status["status"] as JsonObject)["replicas"], 9);
});

test("replaceObject compares the resourceVersion, if there is one", async () => {
  const { api, created, web } = await withDeployment();
  const old = copyOf(created);
  await api.update(web, { ...old, metadata: { ...old.metadata, labels: { a: "b" } } }, context());
  await rejects(api.update(web, { ...old, metadata: { ...old.metadata, labels: { a: "c" } } }, context()), {
    code: 409,
    reason: "Conflict",
    message:
      'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again',
  });
  const blind = await api.update(web, { ...old, metadata: { name: "web", labels: { a: "c" } } }, context());
  assert.deepEqual(blind.object.metadata.labels, { a: "c" });
  assert.equal(blind.object.metadata.uid, created.metadata.uid);
});

test("replaceObject tries again after a lost race, without a resourceVersion", async () => {
  const { api, web, store } = await withDeployment();
  let races = 0;
  store.beforeWrite = async () => {
    races += 1;
    return races < 4 ? "conflict" : undefined;
  };
  const { object } = await api.update(web, { ...deployment, metadata: { name: "web", labels: { a: "b" } } }, context());
  assert.equal(races, 4);
  assert.deepEqual(object.metadata.labels, { a: "b" });
});

test("replaceObject treats a uid as a precondition", async () => {
  const { api, created, web } = await withDeployment();
  await rejects(api.update(web, { ...deployment, metadata: { name: "web", uid: "other" } }, context()), {
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on deployments.apps "web": Precondition failed: UID in precondition: other, UID in object meta: ${created.metadata.uid}`,
  });
});

const refused: readonly {
  readonly why: string;
  readonly body: JsonObject;
  readonly code: number;
  readonly message: string;
}[] = [
  {
    why: "no name",
    body: { ...deployment, metadata: {} },
    code: 400,
    message: "the name of the object (web based on URL) was undeterminable: name must be provided",
  },
  {
    why: "another name",
    body: { ...deployment, metadata: { name: "other" } },
    code: 400,
    message: "the name of the object (other) does not match the name on the URL (web)",
  },
];
for (const { why, body, code, message } of refused) {
  test(`replaceObject refuses ${why}`, async () => {
    const { api, web } = await withDeployment();
    await rejects(api.update(web, body, context()), { code, message });
  });
}

test("replaceObject does not create", async () => {
  const { api, target } = await createTestApi();
  await rejects(api.update(target("configmaps", "a"), named("a"), context()), {
    code: 404,
    message: 'configmaps "a" not found',
  });
});

test("replaceObject wants a resourceVersion for leases", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("leases.coordination.k8s.io"), named("a"), context());
  await rejects(api.update(target("leases.coordination.k8s.io", "a"), named("a"), context()), {
    code: 422,
    message:
      'Lease.coordination.k8s.io "a" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  });
});

test("replaceObject keeps the deletion, refuses new finalizers and removes with the last one", async () => {
  const { api, target } = await createTestApi();
  const place = target("configmaps", "a");
  await api.create(target("configmaps"), { metadata: { name: "a", finalizers: ["x/y", "x/z"] } }, context());
  const deleted = await api.delete(place, {}, context());
  assert.equal(deleted.type, "pending");
  const { deletionTimestamp } = deleted.object.metadata;
  await rejects(api.update(place, { metadata: { name: "a", finalizers: ["x/y", "x/new"] } }, context()), {
    code: 422,
    message:
      'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"x/new"}',
  });
  const one = await api.update(place, { metadata: { name: "a", finalizers: ["x/y"] } }, context());
  assert.equal(one.object.metadata.deletionTimestamp, deletionTimestamp);
  const none = await api.update(place, { metadata: { name: "a" } }, context());
  assert.equal(none.object.metadata.deletionTimestamp, deletionTimestamp);
  await rejects(api.get(place, {}, context()), { code: 404 });
});

test("replaceObject refuses to begin a deletion", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("configmaps"), named("a"), context());
  const body = { metadata: { name: "a", deletionTimestamp: "2025-01-01T00:00:00Z" } };
  await rejects(api.update(target("configmaps", "a"), body, context()), {
    code: 422,
    message: /metadata.deletionTimestamp: .*field is immutable/,
  });
});

test("replaceObject refuses to change what a pod cannot change", async () => {
  const { api, target } = await createTestApi();
  const pod = copyOf(await api.create(target("pods"), podBody("web"), context()));
  const spec = { ...(pod["spec"] as JsonObject), nodeName: "n1" };
  await rejects(api.update(target("pods", "web"), { ...pod, spec }, context()), {
    code: 422,
    message: /pod updates may not change fields/,
  });
});

test("replaceObject gives what would be on a dry run", async () => {
  const { api, web, revision } = await withDeployment();
  const before = await revision();
  const body = { ...deployment, metadata: { name: "web", labels: { a: "b" } } };
  const { object } = await api.update(web, body, context({ isDryRun: true }));
  assert.deepEqual(object.metadata.labels, { a: "b" });
  assert.equal(await revision(), before);
});

test("replaceObject stops when its signal is aborted", async () => {
  const { api, web, store } = await withDeployment();
  const stop = new AbortController();
  store.beforeWrite = async () => {
    stop.abort(new Error("enough"));
    return "conflict";
  };
  const body = { ...deployment, metadata: { name: "web", labels: { a: "b" } } };
  await assert.rejects(api.update(web, body, context({ signal: stop.signal })), /enough/);
});
