import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import type { DeleteOptions } from "./resource-api.ts";
import { asJson } from "./stored-object.ts";
import { context, copyOf, createTestApi, named, podBody, rejects, type TestApi } from "./testing/test-api.ts";

async function runningPod({ api, target }: TestApi, name: string, spec: JsonObject = {}) {
  await api.create(target("pods"), podBody(name, { nodeName: "n1", ...spec }), context());
  return target("pods", name);
}

test("deleteObject removes what nothing keeps", async () => {
  const { api, target } = await createTestApi();
  const created = await api.create(target("configmaps"), named("a"), context());
  const outcome = await api.delete(target("configmaps", "a"), {}, context());
  assert.equal(outcome.type, "deleted");
  assert.equal(outcome.object.metadata.uid, created.metadata.uid);
  await rejects(api.delete(target("configmaps", "a"), {}, context()), {
    code: 404,
    message: 'configmaps "a" not found',
  });
});

const graces: readonly {
  readonly title: string;
  readonly spec?: JsonObject;
  readonly options: DeleteOptions;
  readonly seconds: number | undefined;
}[] = [
  { title: "30 s by default", options: {}, seconds: 30 },
  { title: "what its spec says", spec: { terminationGracePeriodSeconds: 5 }, options: {}, seconds: 5 },
  { title: "what the client says", options: { gracePeriodSeconds: 7 }, seconds: 7 },
  { title: "one second for a negative period", options: { gracePeriodSeconds: -1 }, seconds: 1 },
  { title: "none when forced", options: { gracePeriodSeconds: 0 }, seconds: undefined },
  { title: "none without a node", spec: { nodeName: "" }, options: {}, seconds: undefined },
];
for (const { title, spec = {}, options, seconds } of graces) {
  test(`deleteObject gives a pod its grace period: ${title}`, async () => {
    const world = await createTestApi();
    const place = await runningPod(world, "web", spec);
    const { type, object } = await world.api.delete(place, options, context());
    assert.equal(type, seconds === undefined ? "deleted" : "pending");
    if (seconds === undefined) return;
    const { deletionGracePeriodSeconds, deletionTimestamp } = object.metadata;
    assert.equal(deletionGracePeriodSeconds, seconds);
    assert.equal(Date.parse(deletionTimestamp ?? ""), world.now().getTime() + seconds * 1000);
  });
}

test("deleteObject gives no grace period to a pod that has finished", async () => {
  const world = await createTestApi();
  const place = await runningPod(world, "web");
  const patch = { type: "merge", patch: { status: { phase: "Succeeded" } } } as const;
  await world.api.patch({ ...place, subresource: "status" }, patch, context());
  assert.equal((await world.api.delete(place, {}, context())).type, "deleted");
});

test("deleteObject only makes a running grace period shorter", async () => {
  const world = await createTestApi();
  const place = await runningPod(world, "web");
  const { api } = world;
  const first = await api.delete(place, {}, context());
  const begun = world.now().getTime();
  world.pass(2);
  for (const options of [{}, { gracePeriodSeconds: 60 }]) {
    assert.deepEqual(await api.delete(place, options, context()), first);
  }
  const shorter = await api.delete(place, { gracePeriodSeconds: 10 }, context());
  assert.equal(shorter.object.metadata.deletionGracePeriodSeconds, 10);
  assert.equal(Date.parse(shorter.object.metadata.deletionTimestamp ?? ""), begun + 10_000);
  assert.equal((await api.delete(place, { gracePeriodSeconds: 0 }, context())).type, "deleted");
});

test("deleteObject leaves a forced pod to its finalizers", async () => {
  const world = await createTestApi();
  const { api, target } = world;
  await api.create(target("pods"), podBody("web", { nodeName: "n1" }, { finalizers: ["x/y"] }), context());
  const place = target("pods", "web");
  const { type, object } = await api.delete(place, { gracePeriodSeconds: 0 }, context());
  assert.equal(type, "pending");
  assert.equal(object.metadata.deletionGracePeriodSeconds, 0);
  await api.patch(place, { type: "merge", patch: { metadata: { finalizers: null } } }, context());
  await rejects(api.get(place, {}, context()), { code: 404 });
});

test("a pod's grace period outlives its finalizers", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("pods"), podBody("web", { nodeName: "n1" }, { finalizers: ["x/y"] }), context());
  const place = target("pods", "web");
  await api.delete(place, {}, context());
  await api.patch(place, { type: "merge", patch: { metadata: { finalizers: null } } }, context());
  assert.equal((await api.get(place, {}, context())).metadata.deletionGracePeriodSeconds, 30);
  assert.equal((await api.delete(place, { gracePeriodSeconds: 0 }, context())).type, "deleted");
});

test("deleteObject counts a generation when it marks an object", async () => {
  const { api, target } = await createTestApi();
  const body = { metadata: { name: "a", finalizers: ["x/y"] }, spec: { podSelector: {} } };
  await api.create(target("networkpolicies.networking.k8s.io"), body, context());
  const place = target("networkpolicies.networking.k8s.io", "a");
  assert.equal((await api.delete(place, {}, context())).object.metadata.generation, 2);
  assert.equal((await api.delete(place, {}, context())).object.metadata.generation, 2);
});

const policies = [
  { propagationPolicy: "Foreground", finalizers: ["foregroundDeletion"] },
  { propagationPolicy: "Orphan", finalizers: ["orphan"] },
  { propagationPolicy: "Background", finalizers: undefined },
] as const;
for (const { propagationPolicy, finalizers } of policies) {
  test(`deleteObject propagates as ${propagationPolicy}`, async () => {
    const { api, target } = await createTestApi();
    await api.create(target("configmaps"), named("a"), context());
    const { type, object } = await api.delete(target("configmaps", "a"), { propagationPolicy }, context());
    assert.equal(type, finalizers === undefined ? "deleted" : "pending");
    assert.deepEqual(object.metadata.finalizers, finalizers);
    if (finalizers !== undefined) assert.equal(object.metadata.deletionGracePeriodSeconds, 0);
  });
}

test("deleteObject keeps a Job's pods and says so, unless told otherwise", async () => {
  const { api, target } = await createTestApi();
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "x" }] } };
  await api.create(target("jobs.batch"), { metadata: { name: "a" }, spec: { template } }, context());
  const warnings: string[] = [];
  const { object } = await api.delete(
    target("jobs.batch", "a"),
    {},
    context({ warn: (text) => void warnings.push(text) }),
  );
  assert.deepEqual(object.metadata.finalizers, ["orphan"]);
  assert.match(warnings[0] ?? "", /^child pods are preserved by default when jobs are deleted/);
});

test("deleteObject checks preconditions", async () => {
  const { api, target } = await createTestApi();
  const { metadata } = await api.create(target("configmaps"), named("a"), context());
  const place = target("configmaps", "a");
  await rejects(api.delete(place, { preconditions: { uid: "other" } }, context()), {
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
  });
  await rejects(api.delete(place, { preconditions: { resourceVersion: "1" } }, context()), { code: 409 });
  const { uid = "", resourceVersion = "" } = metadata;
  assert.equal((await api.delete(place, { preconditions: { uid, resourceVersion } }, context())).type, "deleted");
});

test("deleteObject tries again after a lost race", async () => {
  const { api, target, store } = await createTestApi();
  await api.create(target("configmaps"), named("a"), context());
  let races = 0;
  store.beforeWrite = async () => {
    races += 1;
    return races < 3 ? "conflict" : undefined;
  };
  assert.equal((await api.delete(target("configmaps", "a"), {}, context())).type, "deleted");
});

test("deleteObject does everything but the write on a dry run", async () => {
  const { api, target, revision } = await createTestApi();
  await api.create(target("configmaps"), named("a"), context());
  const before = await revision();
  assert.equal((await api.delete(target("configmaps", "a"), {}, context({ isDryRun: true }))).type, "deleted");
  const foreground = { propagationPolicy: "Foreground" } as const;
  assert.equal((await api.delete(target("configmaps", "a"), foreground, context({ isDryRun: true }))).type, "pending");
  assert.equal(await revision(), before);
});

test("a namespace terminates, takes nothing new, and goes with its last finalizer", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("namespaces"), named("n"), context());
  const place = target("namespaces", "n");
  const { type, object } = await api.delete(place, {}, context());
  assert.equal(type, "pending");
  assert.deepEqual(asJson(object)["status"], { phase: "Terminating" });
  assert.equal(object.metadata.deletionGracePeriodSeconds, undefined);
  const inside = target("configmaps", undefined, { namespace: "n" });
  const error = await rejects(api.create(inside, named("a"), context()), {
    code: 403,
    message: 'configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated',
  });
  assert.deepEqual(error.details?.causes, [
    { reason: "NamespaceTerminating", message: "namespace n is being terminated", field: "metadata.namespace" },
  ]);
  assert.equal((await api.delete(place, {}, context())).type, "pending");
  const plain = { ...copyOf(object), spec: { finalizers: [] } };
  const kept = asJson((await api.update(place, plain, context())).object);
  assert.deepEqual(kept["spec"], { finalizers: ["kubernetes"] });
  await api.update({ ...place, subresource: "finalize" }, plain, context());
  await rejects(api.get(place, {}, context()), { code: 404 });
});

for (const name of ["default", "kube-system", "kube-public"]) {
  test(`deleteObject refuses to delete the namespace ${name}`, async () => {
    const { api, target } = await createTestApi();
    if (name !== "default") await api.create(target("namespaces"), named(name), context());
    await rejects(api.delete(target("namespaces", name), {}, context()), {
      code: 403,
      message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    });
  });
}

test("deleteCollection deletes what the selectors find", async () => {
  const { api, target } = await createTestApi();
  for (const [name, app] of [
    ["a", "web"],
    ["b", "web"],
    ["c", "db"],
  ] as const) {
    await api.create(target("configmaps"), { metadata: { name, labels: { app } } }, context());
  }
  const { items } = await api.deleteCollection(target("configmaps"), { labelSelector: "app=web" }, context());
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["a", "b"],
  );
  const left = await api.list(target("configmaps"), {}, context());
  assert.deepEqual(
    left.items.map(({ metadata }) => metadata.name),
    ["c"],
  );
});
