/** What clients can do with custom kinds, through the resource API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCondition } from "#api/kinds/custom-resource-definition/definition-conditions.ts";
import { deepFreeze } from "#api/schema/freeze.ts";
import type { JsonObject } from "#base/json.ts";
import type { PatchBody } from "../resources/resource-api.ts";
import { asJson } from "../resources/stored-object.ts";
import { context, copyOf, rejects } from "../resources/testing/test-api.ts";
import { createCustomApi } from "./testing/custom-api.ts";
import { cronTab, cronTabs } from "./testing/definitions.ts";

const RESOURCE = "crontabs.example.com";

async function withCronTabs() {
  const custom = await createCustomApi();
  await custom.define(cronTabs());
  const create = (body: JsonObject) => custom.api.create(custom.target(RESOURCE), deepFreeze(body), context());
  const place = custom.target(RESOURCE, "a");
  const status = custom.target(RESOURCE, "a", { subresource: "status" });
  const specOf = async () => asJson(await custom.api.get(place, {}, context()))["spec"];
  const patch = async (body: PatchBody, manager = "test") =>
    asJson((await custom.api.patch(place, body, context({ fieldManager: manager }))).object);
  return { ...custom, create, place, status, specOf, patch };
}

test("a custom kind is served as soon as its definition is written", async () => {
  const { kinds, create } = await withCronTabs();
  const kind = kinds.find("example.com", "v1", "crontabs");
  assert.deepEqual(
    [kind?.kind, kind?.singular, kind?.shortNames, kind?.isNamespaced],
    ["CronTab", "crontab", ["ct"], true],
  );
  const { metadata, spec } = asJson(await create(cronTab("a"))) as { metadata: JsonObject; spec: JsonObject };
  assert.deepEqual(spec, { cronSpec: "* * * * *", image: "nginx", replicas: 1 });
  assert.equal(metadata["generation"], 1);
});

test("a definition tells what became of it", async () => {
  const { definition, errors } = await withCronTabs();
  const established = await definition(RESOURCE, (one) => one !== undefined && hasCondition(one, "Established"));
  assert.deepEqual(established?.status?.acceptedNames?.shortNames, ["ct"]);
  assert.deepEqual(established?.status?.storedVersions, ["v1"]);
  assert.ok(established !== undefined && hasCondition(established, "NamesAccepted"));
  assert.deepEqual(errors, []);
});

test("custom objects lose unknown fields or are refused", async () => {
  const { api, target, create } = await withCronTabs();
  const body = cronTab("a", { bogus: 1, ports: [{ name: "x", odd: 1 }], extra: { kept: { deep: 1 } } });
  const message =
    'CronTab in version "v1" cannot be handled as a CronTab: strict decoding error: unknown field "spec.bogus", unknown field "spec.ports[0].odd"';
  await rejects(create(body), { code: 400, reason: "BadRequest", message });
  const warnings: string[] = [];
  const warning = context({ fieldValidation: "Warn", warn: (text) => warnings.push(text) });
  const created = asJson(await api.create(target(RESOURCE), body, warning));
  assert.deepEqual(created["spec"], {
    cronSpec: "* * * * *",
    ports: [{ name: "x" }],
    extra: { kept: { deep: 1 } },
    image: "nginx",
    replicas: 1,
  });
  assert.deepEqual(warnings, ['unknown field "spec.bogus"', 'unknown field "spec.ports[0].odd"']);
});

test("custom objects are refused with a cause for each problem", async () => {
  const { create } = await withCronTabs();
  const ports = [{ name: "x" }, { name: "x" }, {}];
  const error = await rejects(create(cronTab("a", { cronSpec: "x", replicas: "2", tags: ["a", "a"], ports })), {
    code: 422,
    reason: "Invalid",
    message:
      /^CronTab.example.com "a" is invalid: \[spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match/,
  });
  assert.deepEqual(
    error.details?.causes?.map(({ field, reason }) => [field, reason]),
    [
      ["spec.cronSpec", "FieldValueInvalid"],
      ["spec.replicas", "FieldValueTypeInvalid"],
      ["spec.ports[2].name", "FieldValueRequired"],
      [".spec.replicas", "FieldValueInvalid"],
      ["spec.tags[1]", "FieldValueDuplicate"],
      ["spec.ports[1]", "FieldValueDuplicate"],
    ],
  );
});

test("nulls stay in custom objects only where they are allowed", async () => {
  const { create } = await withCronTabs();
  const { spec } = asJson(await create(cronTab("a", { note: null, port: null, image: null }))) as { spec: JsonObject };
  assert.deepEqual(spec, { cronSpec: "* * * * *", note: null, image: "nginx", replicas: 1 });
});

test("metadata of custom objects is that of all objects", async () => {
  const { create } = await withCronTabs();
  const message = /json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string/;
  await rejects(create({ ...cronTab("a"), metadata: { name: 5 } }), { code: 400, message });
  await rejects(create({ ...cronTab("a"), metadata: { name: "a", bogus: 1 } }), {
    code: 400,
    message: /"metadata.bogus"/,
  });
  await rejects(create(cronTab("A")), { code: 422, message: /metadata.name: Invalid value: "A"/ });
});

test("the status of custom objects is written by its own path", async () => {
  const { api, create, place, status } = await withCronTabs();
  const created = await create(cronTab("a", {}, { status: { phase: "Odd" } }));
  assert.equal(asJson(created)["status"], undefined);
  const wanted = { ...copyOf(created), spec: { cronSpec: "bad" }, status: { phase: "Good" } };
  const written = asJson((await api.update(status, wanted, context())).object);
  assert.deepEqual([written["status"], written["spec"]], [{ phase: "Good" }, asJson(created)["spec"]]);
  const { metadata } = copyOf(await api.get(place, {}, context()));
  assert.equal(metadata["generation"], 1);
  const spec = { cronSpec: "1 * * * *" };
  const { object } = await api.patch(place, { type: "merge", patch: { spec, status: null } }, context());
  assert.deepEqual(asJson(object)["status"], { phase: "Good" });
  assert.equal(object.metadata.generation, 2);
});

test("custom objects are scaled", async () => {
  const { api, create, target, specOf } = await withCronTabs();
  await create(cronTab("a"));
  const scale = target(RESOURCE, "a", { subresource: "scale" });
  const patch = { type: "merge", patch: { spec: { replicas: 3 } } } as const;
  const { object } = await api.patch(scale, patch, context());
  assert.deepEqual(asJson(object)["spec"], { replicas: 3 });
  assert.equal(((await specOf()) as JsonObject)["replicas"], 3);
  const tooMany = { type: "merge", patch: { spec: { replicas: 11 } } } as const;
  await rejects(api.patch(scale, tooMany, context()), { code: 422, message: /should be less than or equal to 10/ });
});

test("custom objects take JSON and merge patches, but no strategic ones", async () => {
  const { create, patch } = await withCronTabs();
  await create(cronTab("a", { ports: [{ name: "x" }] }));
  const merged = await patch({ type: "merge", patch: { spec: { image: null, ports: [{ name: "y" }] } } });
  assert.deepEqual((merged["spec"] as JsonObject)["ports"], [{ name: "y" }]);
  assert.equal((merged["spec"] as JsonObject)["image"], "nginx");
  const replaced = await patch({ type: "json", patch: [{ op: "replace", path: "/spec/replicas", value: 2 }] });
  assert.equal((replaced["spec"] as JsonObject)["replicas"], 2);
  await rejects(patch({ type: "strategic", patch: {} }), { code: 415, reason: "UnsupportedMediaType" });
  await rejects(patch({ type: "merge", patch: { spec: { bogus: 1 } } }), {
    code: 422,
    message: /unknown field "spec.bogus"/,
  });
});

test("server-side apply merges custom objects by their list types", async () => {
  const { patch, specOf } = await withCronTabs();
  const apply = (spec: JsonObject, manager: string) =>
    patch({ type: "apply", patch: cronTab("a", spec), force: false }, manager);
  await apply({ tags: ["a"], ports: [{ name: "x", port: 1 }], extra: { a: { b: 1 } } }, "one");
  await apply({ tags: ["b"], ports: [{ name: "y", port: 2 }], extra: { a: { c: 1 } } }, "two");
  const both = {
    cronSpec: "* * * * *",
    tags: ["a", "b"],
    ports: [
      { name: "x", port: 1 },
      { name: "y", port: 2 },
    ],
    extra: { a: { b: 1, c: 1 } },
    image: "nginx",
    replicas: 1,
  };
  assert.deepEqual(await specOf(), both);
  const conflict = await rejects(apply({ ports: [{ name: "x", port: 9 }] }, "two"), { code: 409, reason: "Conflict" });
  assert.deepEqual(
    conflict.details?.causes?.map(({ field }) => field),
    ['.spec.ports[name="x"].port'],
  );
  await apply({}, "two");
  assert.deepEqual(await specOf(), { ...both, tags: ["a"], ports: [{ name: "x", port: 1 }], extra: { a: { b: 1 } } });
  await rejects(patch({ type: "apply", patch: cronTab("a", { replicas: "x" }), force: false }), {
    code: 400,
    message: /\.spec\.replicas: expected numeric \(int or float\), got string/,
  });
});

test("custom objects are written over only with the version that was seen", async () => {
  const { api, create, place } = await withCronTabs();
  await create(cronTab("a"));
  const message = /metadata.resourceVersion: Invalid value: 0x0: must be specified for an update/;
  await rejects(api.update(place, cronTab("a"), context()), { code: 422, message });
});

test("custom objects are selected by the fields that the definition names", async () => {
  const { api, create, target } = await withCronTabs();
  await create(cronTab("a"));
  await create(cronTab("b", { image: "other" }));
  const list = (fieldSelector: string) => api.list(target(RESOURCE), { fieldSelector }, context());
  const { items } = await list("spec.image=other");
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["b"],
  );
  await rejects(list("spec.port=1"), { code: 400 });
});

test("custom objects warn of loose finalizers", async () => {
  const { api, target } = await withCronTabs();
  const warnings: string[] = [];
  const body = { ...cronTab("a"), metadata: { name: "a", finalizers: ["example.com/x", "loose"] } };
  await api.create(target(RESOURCE), body, context({ warn: (text) => warnings.push(text) }));
  assert.deepEqual(warnings, [
    'metadata.finalizers: "loose": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
  ]);
});
