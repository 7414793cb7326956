import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { asJson } from "../stored-object.ts";
import { context, copyOf, createTestApi, named, podBody, rejects } from "../testing/test-api.ts";
import type { TokenIssueRequest } from "../token-issuer.ts";

const deployment: JsonObject = {
  metadata: { name: "web" },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "nginx" }] } },
  },
};

test("the scale subresource reads and writes the number of replicas", async () => {
  const { api, target } = await createTestApi();
  const created = await api.create(target("deployments.apps"), deployment, context());
  const place = target("deployments.apps", "web", { subresource: "scale" });
  const scale = await api.get(place, {}, context());
  assert.deepEqual(asJson(scale), {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name: "web",
      namespace: "default",
      uid: created.metadata.uid,
      resourceVersion: created.metadata.resourceVersion,
      creationTimestamp: created.metadata.creationTimestamp,
    },
    spec: { replicas: 2 },
    status: { replicas: 0, selector: "app=web" },
  });
  const patched = await api.patch(place, { type: "merge", patch: { spec: { replicas: 5 } } }, context());
  assert.deepEqual(asJson(patched.object)["spec"], { replicas: 5 });
  const object = await api.get({ ...place, subresource: "" }, {}, context());
  assert.equal(object.metadata.generation, 2);
  assert.ok(object.metadata.managedFields?.some(({ subresource }) => subresource === "scale"));
  await rejects(api.update(place, copyOf(scale), context()), { code: 409, reason: "Conflict" });
  const { metadata, ...blind } = copyOf(scale);
  await api.update(place, { ...blind, metadata: { name: metadata["name"] ?? "" }, spec: { replicas: 0 } }, context());
  assert.deepEqual(asJson(await api.get(place, {}, context()))["spec"], { replicas: 0 });
  await rejects(api.patch(place, { type: "merge", patch: { spec: { replicas: -1 } } }, context()), {
    code: 422,
    message: /^Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1/,
  });
});

const bindingTo = (node: string, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Binding",
  metadata: { name: "web", ...metadata },
  target: { kind: "Node", name: node },
});

test("binding puts a pod on a node, once", async () => {
  const { api, target, now } = await createTestApi();
  await api.create(target("pods"), podBody("web", {}, { annotations: { a: "1" } }), context());
  const place = target("pods", "web", { subresource: "binding" });
  const status = asJson(await api.create(place, bindingTo("n1", { annotations: { b: "2" } }), context()));
  assert.equal(status["status"], "Success");
  const pod = await api.get(target("pods", "web"), {}, context());
  assert.equal((asJson(pod)["spec"] as JsonObject)["nodeName"], "n1");
  assert.deepEqual(pod.metadata.annotations, { a: "1", b: "2" });
  assert.deepEqual((asJson(pod)["status"] as JsonObject)["conditions"], [
    { type: "PodScheduled", status: "True", lastTransitionTime: now().toISOString().replace(".000", "") },
  ]);
  await rejects(api.create(place, bindingTo("n2"), context()), {
    code: 409,
    reason: "Conflict",
    message: 'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "n1"',
  });
});

const wrongBindings: readonly { readonly body: JsonObject; readonly code: number; readonly message: RegExp }[] = [
  { body: bindingTo(""), code: 422, message: /target.name: Required value/ },
  {
    body: { ...bindingTo("n1"), target: { kind: "Pod", name: "x" } },
    code: 422,
    message: /target.kind: Unsupported value: "Pod"/,
  },
  { body: bindingTo("n1", { name: "other" }), code: 400, message: /name in URL does not match name in Binding object/ },
  { body: bindingTo("n1", { uid: "other" }), code: 409, message: /UID in precondition: other/ },
];
for (const { body, code, message } of wrongBindings) {
  test(`binding refuses ${JSON.stringify(body["target"])} for ${JSON.stringify(body["metadata"])}`, async () => {
    const { api, target } = await createTestApi();
    await api.create(target("pods"), podBody("web"), context());
    await rejects(api.create(target("pods", "web", { subresource: "binding" }), body, context()), { code, message });
  });
}

async function withBudget(status: JsonObject, ready = "True") {
  const world = await createTestApi();
  const { api, target } = world;
  await api.create(target("pods"), podBody("web", { nodeName: "n1" }, { labels: { app: "web" } }), context());
  const patch = { status: { phase: "Running", conditions: [{ type: "Ready", status: ready }] } };
  await api.patch(target("pods", "web", { subresource: "status" }), { type: "strategic", patch }, context());
  const budget = { metadata: { name: "b" }, spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } } };
  await api.create(target("poddisruptionbudgets.policy"), budget, context());
  const place = target("poddisruptionbudgets.policy", "b", { subresource: "status" });
  const whole = {
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
    observedGeneration: 1,
    ...status,
  };
  await api.patch(place, { type: "merge", patch: { status: whole } }, context());
  return { ...world, evict: () => api.create(target("pods", "web", { subresource: "eviction" }), eviction, context()) };
}

const eviction: JsonObject = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "web" } };

test("eviction takes from the budget and deletes the pod gracefully", async () => {
  const { api, target, evict } = await withBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  assert.equal(asJson(await evict())["status"], "Success");
  const pod = await api.get(target("pods", "web"), {}, context());
  assert.equal(pod.metadata.deletionGracePeriodSeconds, 30);
  const conditions = (asJson(pod)["status"] as JsonObject)["conditions"] as JsonObject[];
  assert.ok(conditions.some(({ type, reason }) => type === "DisruptionTarget" && reason === "EvictionByEvictionAPI"));
  const status = asJson(await api.get(target("poddisruptionbudgets.policy", "b"), {}, context()))[
    "status"
  ] as JsonObject;
  assert.equal(status["disruptionsAllowed"], 0);
  assert.deepEqual(Object.keys(status["disruptedPods"] as JsonObject), ["web"]);
});

const evictions: readonly {
  readonly title: string;
  readonly status: JsonObject;
  readonly ready?: string;
  readonly cause: string | undefined;
}[] = [
  {
    title: "is refused when the budget allows none",
    status: { currentHealthy: 1, desiredHealthy: 1 },
    cause: "The disruption budget b needs 1 healthy pods and has 1 currently",
  },
  {
    title: "is refused while the budget is not observed",
    status: { observedGeneration: 0, disruptionsAllowed: 1 },
    cause: "The disruption budget b is still being processed by the server.",
  },
  {
    title: "of an unready pod goes on when enough others are healthy",
    status: { currentHealthy: 1, desiredHealthy: 1 },
    ready: "False",
    cause: undefined,
  },
  {
    title: "of an unready pod is refused when too few are healthy",
    status: { currentHealthy: 0, desiredHealthy: 1 },
    ready: "False",
    cause: "The disruption budget b needs 1 healthy pods and has 0 currently",
  },
];
for (const { title, status, ready, cause } of evictions) {
  test(`eviction ${title}`, async () => {
    const { evict } = await withBudget(status, ready);
    if (cause === undefined) {
      assert.equal(asJson(await evict())["status"], "Success");
      return;
    }
    const error = await rejects(evict(), {
      code: 429,
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
    });
    assert.deepEqual(error.details?.causes, [{ reason: "DisruptionBudget", message: cause }]);
  });
}

test("eviction asks no budget for a pod that does not run yet", async () => {
  const { api, target } = await withBudget({});
  await api.create(target("pods"), podBody("new", {}, { labels: { app: "web" } }), context());
  const body = { ...eviction, metadata: { name: "new" } };
  await api.create(target("pods", "new", { subresource: "eviction" }), body, context());
  await rejects(api.get(target("pods", "new"), {}, context()), { code: 404 });
});

test("two evictions at once do not share one disruption", async () => {
  const { api, target, evict } = await withBudget({ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 });
  await api.create(target("pods"), podBody("other", { nodeName: "n1" }, { labels: { app: "web" } }), context());
  const running = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
  await api.patch(target("pods", "other", { subresource: "status" }), { type: "strategic", patch: running }, context());
  const body = { ...eviction, metadata: { name: "other" } };
  const second = api.create(target("pods", "other", { subresource: "eviction" }), body, context());
  const outcomes = await Promise.allSettled([evict(), second]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

test("ephemeralcontainers adds containers and nothing else", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("pods"), podBody("web"), context());
  const place = target("pods", "web", { subresource: "ephemeralcontainers" });
  const patch = {
    metadata: { labels: { a: "b" } },
    spec: { ephemeralContainers: [{ name: "debug", image: "busybox" }] },
  };
  const { object } = await api.patch(place, { type: "strategic", patch }, context());
  const [container] = (asJson(object)["spec"] as JsonObject)["ephemeralContainers"] as JsonObject[];
  assert.equal(container?.["name"], "debug");
  assert.equal(object.metadata.labels, undefined);
  const changed = { spec: { ephemeralContainers: [{ name: "debug", image: "other" }] } };
  await rejects(api.patch(place, { type: "strategic", patch: changed }, context()), {
    code: 422,
    message: /existing ephemeral containers "debug" may not be changed/,
  });
});

test("token asks the issuer, for the account and the pod that it is bound to", async () => {
  const asked: TokenIssueRequest[] = [];
  const issue = (request: TokenIssueRequest) => {
    asked.push(request);
    return { token: "secret", expirationTimestamp: "2025-01-01T01:00:00Z", audiences: ["api"] };
  };
  const { api, target } = await createTestApi({ deps: { tokenIssuer: { issue } } });
  const pod = await api.create(target("pods"), podBody("web"), context());
  const place = target("serviceaccounts", "default", { subresource: "token" });
  const body = { spec: { boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "web" } } };
  const answer = asJson(await api.create(place, body, context()));
  assert.deepEqual(answer["status"], { token: "secret", expirationTimestamp: "2025-01-01T01:00:00Z" });
  assert.equal((answer["spec"] as JsonObject)["expirationSeconds"], 3600);
  assert.deepEqual(asked[0]?.boundObject, { kind: "Pod", name: "web", uid: pod.metadata.uid });
  assert.equal(asked[0]?.serviceAccount.name, "default");
  const short = { spec: { expirationSeconds: 10 } };
  await rejects(api.create(place, short, context()), {
    code: 422,
    message: /may not specify a duration less than 10 minutes/,
  });
  const gone = { spec: { boundObjectRef: { kind: "Pod", name: "gone" } } };
  await rejects(api.create(place, gone, context()), { code: 404, message: 'pods "gone" not found' });
  const other = { spec: { boundObjectRef: { kind: "Pod", name: "web", uid: "other" } } };
  await rejects(api.create(place, other, context()), { code: 409 });
  const missing = target("serviceaccounts", "missing", { subresource: "token" });
  await rejects(api.create(missing, {}, context()), { code: 404 });
});

test("reviews are answered and not stored", async () => {
  const answer = async (review: object) => ({ ...review, status: { allowed: true } }) as never;
  const { api, target, revision } = await createTestApi({ deps: { reviews: { answer } } });
  const before = await revision();
  const spec = { resourceAttributes: { verb: "get", resource: "pods" } };
  const review = await api.create(target("selfsubjectaccessreviews.authorization.k8s.io"), { spec }, context());
  assert.deepEqual(asJson(review)["status"], { allowed: true });
  assert.equal(await revision(), before);
});

for (const subresource of ["log", "bogus", "status"]) {
  test(`a configmap has no ${subresource}`, async () => {
    const { api, target } = await createTestApi();
    await api.create(target("configmaps"), named("a"), context());
    const place = target("configmaps", "a", { subresource });
    await rejects(api.update(place, named("a"), context()), { code: 405 });
    await rejects(api.patch(place, { type: "merge", patch: {} }, context()), { code: 405 });
    await rejects(api.create(place, {}, context()), { code: 405 });
    await rejects(api.delete(place, {}, context()), { code: 405 });
  });
}
