import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { asJson } from "./stored-object.ts";
import { context, createTestApi, named, podBody, rejects } from "./testing/test-api.ts";

test("createObject sets what only the server sets", async () => {
  const { api, target, now } = await createTestApi();
  const body = { metadata: { name: "web", uid: "mine", selfLink: "/x", generation: 7, creationTimestamp: null } };
  const { metadata, apiVersion, kind } = await api.create(target("deployments.apps"), withTemplate(body), context());
  assert.deepEqual([apiVersion, kind], ["apps/v1", "Deployment"]);
  assert.match(metadata.uid ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(metadata.creationTimestamp, now().toISOString().replace(".000", ""));
  assert.equal(metadata.generation, 1);
  assert.equal(metadata.namespace, "default");
  assert.equal(metadata.selfLink, undefined);
  assert.ok(Number(metadata.resourceVersion) > 0);
  assert.deepEqual(
    (metadata.managedFields ?? []).map(({ manager, operation }) => [manager, operation]),
    [["test", "Update"]],
  );
});

test("createObject gives no generation to kinds that have none", async () => {
  const { api, target } = await createTestApi();
  const { metadata } = await api.create(target("configmaps"), named("a", { data: { k: "v" } }), context());
  assert.equal(metadata.generation, undefined);
});

test("createObject drops the status of kinds whose status is written separately", async () => {
  const { api, target } = await createTestApi();
  const body = withTemplate({ metadata: { name: "web" }, status: { replicas: 5 } });
  const created = await api.create(target("deployments.apps"), body, context());
  assert.notEqual(
    asJson(created)["status"] === undefined ? 0 : (asJson(created)["status"] as JsonObject)["replicas"],
    5,
  );
});

test("createObject completes a pod", async () => {
  const { api, target } = await createTestApi();
  const pod = asJson(await api.create(target("pods"), podBody("web"), context()));
  const spec = pod["spec"] as JsonObject;
  assert.equal(spec["serviceAccountName"], "default");
  assert.equal(spec["serviceAccount"], "default");
  assert.equal(spec["restartPolicy"], "Always");
  assert.equal((spec["tolerations"] as JsonObject[]).length, 2);
  assert.match(
    String((spec["volumes"] as JsonObject[])[0]?.["name"]),
    /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/,
  );
  assert.equal((pod["status"] as JsonObject)["phase"], "Pending");
});

test("createObject makes names, and others when they are taken", async () => {
  const { api, target, store } = await createTestApi();
  const body = { metadata: { generateName: "web-" } };
  const first = await api.create(target("configmaps"), body, context());
  assert.match(first.metadata.name ?? "", /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(first.metadata.generateName, "web-");
  const tried: string[] = [];
  store.beforeWrite = async (name) => {
    tried.push(name);
    return tried.length < 8 ? "conflict" : undefined;
  };
  const eighth = await api.create(target("configmaps"), body, context());
  assert.equal(eighth.metadata.name, tried.at(-1));
  assert.equal(new Set(tried).size, 8);
  store.beforeWrite = async () => "conflict";
  const expected = {
    code: 409,
    reason: "AlreadyExists",
    message: /^configmaps "web-.{5}" already exists, the server was not able to generate a unique name/,
  };
  await rejects(api.create(target("configmaps"), body, context()), expected);
});

test("createObject cuts a long generateName", async () => {
  const { api, target } = await createTestApi();
  const { metadata } = await api.create(
    target("configmaps"),
    { metadata: { generateName: "x".repeat(80) } },
    context(),
  );
  assert.equal(metadata.name?.length, 63);
});

const refused: readonly {
  readonly why: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly body: JsonObject | readonly [];
  readonly code: number;
  readonly message: string | RegExp;
}[] = [
  {
    why: "an object that is there",
    resource: "serviceaccounts",
    body: named("default"),
    code: 409,
    message: 'serviceaccounts "default" already exists',
  },
  {
    why: "a resourceVersion",
    resource: "configmaps",
    body: { metadata: { name: "a", resourceVersion: "5" } },
    code: 400,
    message: "resourceVersion should not be set on objects to be created",
  },
  {
    why: "another namespace",
    resource: "configmaps",
    body: { metadata: { name: "a", namespace: "other" } },
    code: 400,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  },
  {
    why: "another kind",
    resource: "pods",
    body: { apiVersion: "v1", kind: "Service", metadata: { name: "a" } },
    code: 400,
    message:
      'Service in version "v1" cannot be handled as a Pod: converting (v1.Service) to (core.Pod): unknown conversion',
  },
  {
    why: "another version",
    resource: "deployments.apps",
    body: { apiVersion: "apps/v1beta1", kind: "Deployment", metadata: { name: "a" } },
    code: 400,
    message: "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
  },
  {
    why: "an unknown field",
    resource: "configmaps",
    body: named("a", { bogus: 1 }),
    code: 400,
    message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"',
  },
  { why: "no object", resource: "configmaps", body: [], code: 400, message: /json parse error/ },
  {
    why: "no name",
    resource: "configmaps",
    body: {},
    code: 422,
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    why: "a bad name",
    resource: "configmaps",
    body: named("Not_A_Name"),
    code: 422,
    message: /^ConfigMap "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name": a lowercase RFC 1123/,
  },
  {
    why: "a namespace that is not there",
    resource: "configmaps",
    namespace: "nowhere",
    body: named("a"),
    code: 404,
    message: 'namespaces "nowhere" not found',
  },
];
for (const { why, resource, namespace = "default", body, code, message } of refused) {
  test(`createObject refuses ${why}`, async () => {
    const { api, target, revision } = await createTestApi();
    const before = await revision();
    await rejects(api.create(target(resource, undefined, { namespace }), body, context()), { code, message });
    assert.equal(await revision(), before);
  });
}

test("createObject warns of unknown fields, or drops them", async () => {
  const { api, target } = await createTestApi();
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const body = named("a", { bogus: 1 });
  const created = await api.create(target("configmaps"), body, context({ fieldValidation: "Warn", warn }));
  assert.equal(asJson(created)["bogus"], undefined);
  assert.deepEqual(warnings, ['unknown field "bogus"']);
  await api.create(target("configmaps"), named("b", { bogus: 1 }), context({ fieldValidation: "Ignore", warn }));
  assert.equal(warnings.length, 1);
});

test("events live for an hour after each write, other objects for ever", async () => {
  const { api, target, store } = await createTestApi();
  const body = { metadata: { name: "a" }, involvedObject: { namespace: "default", name: "web" }, reason: "Tested" };
  await api.create(target("events"), body, context());
  assert.equal(store.lastWrite?.ttlSeconds, 3600);
  await api
    .patch(target("events", "a"), { type: "merge", patch: { count: 2 } }, context({ fence: { key: "k", revision: 0 } }))
    .catch(() => undefined);
  assert.equal(store.lastWrite?.ttlSeconds, 3600);
  assert.deepEqual(store.lastWrite?.fence, { key: "k", revision: 0 });
  await api.create(target("configmaps"), named("a"), context());
  assert.equal(store.lastWrite?.ttlSeconds, undefined);
});

test("createObject does everything but the write on a dry run", async () => {
  const { api, target, revision } = await createTestApi();
  const before = await revision();
  const object = await api.create(target("configmaps"), named("a"), context({ isDryRun: true }));
  assert.ok(object.metadata.uid);
  assert.equal(await revision(), before);
  await rejects(api.get(target("configmaps", "a"), {}, context()), { code: 404 });
  await rejects(api.create(target("serviceaccounts"), named("default"), context({ isDryRun: true })), {
    code: 409,
    reason: "AlreadyExists",
  });
});

const storeFailures = [
  { code: "unavailable", status: 503, retryAfterSeconds: 1 },
  { code: "fenced", status: 409, retryAfterSeconds: undefined },
] as const;
for (const { code, status, retryAfterSeconds } of storeFailures) {
  test(`createObject turns the store's ${code} into ${status}`, async () => {
    const { api, target, store } = await createTestApi();
    store.failNext(code, "before");
    const error = await rejects(api.create(target("configmaps"), named("a"), context()), { code: status });
    assert.equal(error.details?.retryAfterSeconds, retryAfterSeconds);
  });
}

function withTemplate(body: JsonObject): JsonObject {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx" }] } };
  return { ...body, spec: { selector: { matchLabels: labels }, template } };
}
