import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "#base/json.ts";
import type { PatchBody } from "./resource-api.ts";
import { asJson } from "./stored-object.ts";
import { context, createTestApi, podBody, rejects } from "./testing/test-api.ts";

async function withConfigMap() {
  const test = await createTestApi();
  const created = await test.api.create(
    test.target("configmaps"),
    { metadata: { name: "a" }, data: { k: "v" } },
    context(),
  );
  return { ...test, created, place: test.target("configmaps", "a") };
}

const patches: readonly { readonly patch: PatchBody; readonly data: JsonValue }[] = [
  { patch: { type: "json", patch: [{ op: "add", path: "/data/x", value: "y" }] }, data: { k: "v", x: "y" } },
  { patch: { type: "merge", patch: { data: { k: null, x: "y" } } }, data: { x: "y" } },
  { patch: { type: "strategic", patch: { data: { x: "y" } } }, data: { k: "v", x: "y" } },
  {
    patch: { type: "apply", patch: { apiVersion: "v1", kind: "ConfigMap", data: { x: "y" } }, force: false },
    data: { k: "v", x: "y" },
  },
];
for (const { patch, data } of patches) {
  test(`patchObject makes a ${patch.type} patch`, async () => {
    const { api, place, created } = await withConfigMap();
    const { object, isNew } = await api.patch(place, patch, context({ fieldManager: "patcher" }));
    assert.equal(isNew, false);
    assert.deepEqual(asJson(object)["data"], data);
    assert.equal(object.metadata.uid, created.metadata.uid);
    assert.ok((object.metadata.managedFields ?? []).some(({ manager }) => manager === "patcher"));
    const again = await api.patch(place, patch, context({ fieldManager: "patcher" }));
    assert.equal(again.object.metadata.resourceVersion, object.metadata.resourceVersion);
  });
}

test("patchObject applies the patch again after a lost race", async () => {
  const { api, place, store } = await withConfigMap();
  let hasRaced = false;
  store.beforeWrite = async () => {
    if (hasRaced) return undefined;
    hasRaced = true;
    await api.patch(place, { type: "merge", patch: { data: { other: "1" } } }, context());
    return undefined;
  };
  const { object } = await api.patch(place, { type: "merge", patch: { data: { mine: "2" } } }, context());
  assert.deepEqual(asJson(object)["data"], { k: "v", other: "1", mine: "2" });
});

test("patchObject is bound to a resourceVersion in the patch", async () => {
  const { api, place, created } = await withConfigMap();
  const { resourceVersion = "" } = created.metadata;
  const patch = (x: string): PatchBody => ({ type: "merge", patch: { metadata: { resourceVersion }, data: { x } } });
  await api.patch(place, patch("1"), context());
  await rejects(api.patch(place, patch("2"), context()), { code: 409, reason: "Conflict" });
});

const refused: readonly {
  readonly why: string;
  readonly patch: PatchBody;
  readonly code: number;
  readonly message: string | RegExp;
}[] = [
  {
    why: "an unknown field in a merge patch",
    patch: { type: "merge", patch: { bogus: 1 } },
    code: 422,
    message: /^ "" is invalid: patch: Invalid value: ".*": strict decoding error: unknown field "bogus"$/,
  },
  {
    why: "an unknown field in a strategic merge patch",
    patch: { type: "strategic", patch: { bogus: 1 } },
    code: 422,
    message: ' "" is invalid: patch: Invalid value: "map[bogus:1]": strict decoding error: unknown field "bogus"',
  },
  {
    why: "an unknown field that is applied",
    patch: { type: "apply", patch: { apiVersion: "v1", kind: "ConfigMap", bogus: 1 }, force: false },
    code: 400,
    message:
      "failed to create typed patch object (default/a; /v1, Kind=ConfigMap): .bogus: field not declared in schema",
  },
  {
    why: "a wrong type",
    patch: { type: "merge", patch: { data: { k: 5 } } },
    code: 422,
    message: /cannot unmarshal number/,
  },
  {
    why: "another name",
    patch: { type: "merge", patch: { metadata: { name: "b" } } },
    code: 422,
    message: /metadata.name: Invalid value: "b": field is immutable/,
  },
  {
    why: "another uid",
    patch: { type: "merge", patch: { metadata: { uid: "b" } } },
    code: 422,
    message: /metadata.uid: Invalid value: "b": field is immutable/,
  },
  {
    why: "another namespace",
    patch: { type: "merge", patch: { metadata: { namespace: "b" } } },
    code: 400,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  },
];
for (const { why, patch, code, message } of refused) {
  test(`patchObject refuses ${why}`, async () => {
    const { api, place, revision } = await withConfigMap();
    const before = await revision();
    await rejects(api.patch(place, patch, context()), { code, message });
    assert.equal(await revision(), before);
  });
}

test("patchObject does not create, but apply does", async () => {
  const { api, target } = await createTestApi();
  const place = target("configmaps", "a");
  await rejects(api.patch(place, { type: "merge", patch: { data: { x: "y" } } }, context()), { code: 404 });
  const patch: JsonObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { x: "y" } };
  const applied = await api.patch(place, { type: "apply", patch, force: false }, context());
  assert.equal(applied.isNew, true);
  assert.deepEqual(
    applied.object.metadata.managedFields?.map(({ operation }) => operation),
    ["Apply"],
  );
});

test("patchObject keeps what was applied as the applier's fields, and nothing else", async () => {
  const { api, target, pass } = await createTestApi();
  const place = target("configmaps", "a");
  const patch: JsonObject = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", namespace: "default" },
    data: { x: "y" },
  };
  const first = await api.patch(place, { type: "apply", patch, force: false }, context());
  assert.deepEqual(first.object.metadata.managedFields?.[0]?.fieldsV1, { "f:data": { "f:x": {} } });
  pass(60);
  const second = await api.patch(place, { type: "apply", patch, force: false }, context());
  assert.equal(second.object, await api.get(place, {}, context()));
  assert.equal(second.object.metadata.resourceVersion, first.object.metadata.resourceVersion);
  const status = { ...place, subresource: "status" };
  await rejects(api.patch(status, { type: "apply", patch, force: false }, context()), { code: 405 });
  const missing = target("pods", "gone", { subresource: "status" });
  const pod: JsonObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "gone" }, status: { phase: "Running" } };
  await rejects(api.patch(missing, { type: "apply", patch: pod, force: false }, context()), { code: 404 });
});

test("patchObject tells of conflicts when applying, unless it is forced", async () => {
  const { api, place } = await withConfigMap();
  const patch: JsonObject = { apiVersion: "v1", kind: "ConfigMap", data: { k: "other" } };
  const as = context({ fieldManager: "applier" });
  const error = await rejects(api.patch(place, { type: "apply", patch, force: false }, as), {
    code: 409,
    reason: "Conflict",
  });
  assert.equal(error.details?.causes?.[0]?.reason, "FieldManagerConflict");
  const { object } = await api.patch(place, { type: "apply", patch, force: true }, as);
  assert.deepEqual(asJson(object)["data"], { k: "other" });
});

test("patchObject writes only the status by its path", async () => {
  const { api, target } = await createTestApi();
  await api.create(target("pods"), podBody("web"), context());
  const patch = { spec: { nodeName: "n1" }, status: { phase: "Running", podIP: "10.0.0.1" } };
  const place = target("pods", "web", { subresource: "status" });
  const pod = asJson((await api.patch(place, { type: "strategic", patch }, context())).object);
  assert.equal((pod["status"] as JsonObject)["phase"], "Running");
  assert.equal((pod["spec"] as JsonObject)["nodeName"], undefined);
});

test("patchObject loses nothing when many patch at once", async () => {
  const { api, place } = await withConfigMap();
  const names = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  await Promise.all(
    names.map((name) => api.patch(place, { type: "merge", patch: { data: { [name]: "1" } } }, context())),
  );
  const data = asJson(await api.get(place, {}, context()))["data"] as JsonObject;
  assert.deepEqual(Object.keys(data).sort(), [...names, "k"].sort());
});
