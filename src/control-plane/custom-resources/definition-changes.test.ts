/** What happens to custom kinds and their objects when definitions change or go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCondition } from "#api/kinds/custom-resource-definition/definition-conditions.ts";
import type { JsonObject } from "#base/json.ts";
import { asJson } from "../resources/stored-object.ts";
import { context, copyOf, rejects } from "../resources/testing/test-api.ts";
import { type CustomApi, createCustomApi } from "./testing/custom-api.ts";
import { cronTab, cronTabs, cronTabVersion } from "./testing/definitions.ts";

const DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io";
const RESOURCE = "crontabs.example.com";

const twoVersions = cronTabs({
  spec: {
    versions: [
      { ...cronTabVersion, storage: false, deprecated: true, name: "v1beta1" },
      { ...cronTabVersion, schema: { openAPIV3Schema: { type: "object", properties: { spec: anySpec() } } } },
    ],
  },
});

function anySpec(): JsonObject {
  return {
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    properties: { image: { type: "string", default: "v1-image" } },
  };
}

function placeOf({ kinds }: CustomApi, version: string, name?: string) {
  const kind = kinds.find("example.com", version, "crontabs");
  assert.ok(kind !== undefined, version);
  return { kind, namespace: "default", name, subresource: "" };
}

test("versions of a kind have the same objects", async () => {
  const custom = await createCustomApi();
  const { api } = custom;
  await custom.define(twoVersions);
  const old = placeOf(custom, "v1beta1", "a");
  const body = { ...cronTab("a", { image: "mine" }), apiVersion: "example.com/v1beta1" };
  const created = await api.create({ ...old, name: undefined }, body, context());
  assert.equal(created.apiVersion, "example.com/v1beta1");
  const seen = await api.get(placeOf(custom, "v1", "a"), {}, context());
  assert.equal(seen.apiVersion, "example.com/v1");
  assert.deepEqual(asJson(seen)["spec"], asJson(created)["spec"]);
  assert.equal(await api.get(placeOf(custom, "v1", "a"), {}, context()), seen);
  const changed = { ...copyOf(seen), spec: { image: "new", cronSpec: "* * * * *" } };
  await api.update(placeOf(custom, "v1", "a"), changed, context());
  const { items } = await api.list({ ...old, name: undefined }, {}, context());
  assert.deepEqual(
    items.map((item) => [item.apiVersion, (asJson(item)["spec"] as JsonObject)["image"]]),
    [["example.com/v1beta1", "new"]],
  );
  assert.equal(old.kind.deprecation, "example.com/v1beta1 CronTab is deprecated; use example.com/v1 CronTab");
});

test("a changed definition holds at once, also for objects that are there", async () => {
  const custom = await createCustomApi();
  const { api, target } = custom;
  await custom.define(cronTabs());
  await api.create(target(RESOURCE), cronTab("a", { image: "x" }), context());
  await custom.definition(RESOURCE, (one) => one !== undefined && hasCondition(one, "Established"));
  const before = target(RESOURCE).kind;
  const schema = {
    type: "object",
    properties: { spec: { ...anySpec(), properties: { added: { type: "string", default: "new" } } } },
  };
  const versions = [{ ...cronTabVersion, schema: { openAPIV3Schema: schema }, selectableFields: [] }];
  await api.patch(target(DEFINITIONS, RESOURCE), { type: "merge", patch: { spec: { versions } } }, context());
  assert.notEqual(target(RESOURCE).kind, before);
  const spec = asJson(await api.get(target(RESOURCE, "a"), {}, context()))["spec"] as JsonObject;
  assert.equal(spec["added"], "new");
});

test("watches of a kind end when its definition changes", async () => {
  const custom = await createCustomApi();
  const { api, target } = custom;
  await custom.define(cronTabs());
  await custom.definition(RESOURCE, (one) => one !== undefined && hasCondition(one, "Established"));
  const events: string[] = [];
  const ended = Promise.withResolvers<Error>();
  const sink = {
    onEvent(event: { readonly type: string }) {
      events.push(event.type);
      return true;
    },
    onError: ended.resolve,
  };
  await api.watch(target(RESOURCE), { allowWatchBookmarks: false }, sink, context());
  await api.create(target(RESOURCE), cronTab("a"), context());
  const patch = { spec: { names: { categories: ["all"] } } };
  await api.patch(target(DEFINITIONS, RESOURCE), { type: "merge", patch }, context());
  assert.match((await ended.promise).message, /has changed/);
  await api.create(target(RESOURCE), cronTab("b"), context());
  assert.deepEqual(events, ["ADDED"]);
});

test("names that others have are not served until they are free", async () => {
  const custom = await createCustomApi();
  const { api, kinds, target } = custom;
  const rival = cronTabs({
    metadata: { name: "rivals.example.com" },
    spec: { names: { plural: "rivals", kind: "Rival" } },
  });
  await custom.define(cronTabs());
  await custom.define(rival);
  const refused = await custom.definition("rivals.example.com", (one) => one?.status?.conditions !== undefined);
  assert.deepEqual(
    refused?.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [
      ["NamesAccepted", "False", "ShortNamesConflict"],
      ["Established", "False", "NotAccepted"],
    ],
  );
  assert.equal(kinds.find("example.com", "v1", "rivals"), undefined);
  await api.delete(target(DEFINITIONS, RESOURCE), {}, context());
  await custom.definition("rivals.example.com", (one) => one !== undefined && hasCondition(one, "Established"));
  assert.equal(kinds.find("example.com", "v1", "rivals")?.kind, "Rival");
});

test("a definition that is deleted takes its objects along", async () => {
  const custom = await createCustomApi();
  const { api, target, kinds } = custom;
  await custom.define(cronTabs());
  await api.create(target(RESOURCE), cronTab("a"), context());
  const held = { ...cronTab("b"), metadata: { name: "b", finalizers: ["example.com/hold"] } };
  await api.create(target(RESOURCE), held, context());
  await custom.definition(RESOURCE, (one) => one !== undefined && hasCondition(one, "Established"));
  const place = target(RESOURCE, "b");
  const outcome = await api.delete(target(DEFINITIONS, RESOURCE), {}, context());
  assert.equal(outcome.type, "pending");
  assert.deepEqual(outcome.object.metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
  await rejects(api.create(target(RESOURCE), cronTab("c"), context()), {
    code: 403,
    message:
      'crontabs.example.com "c" is forbidden: create not allowed while custom resource definition is terminating',
  });
  await custom.definition(
    RESOURCE,
    (one) => one?.status?.conditions?.some(({ reason }) => reason === "InstanceDeletionInProgress") === true,
  );
  const patch = { metadata: { finalizers: null } };
  await api.patch(place, { type: "merge", patch }, context());
  await custom.definition(RESOURCE, (one) => one === undefined);
  assert.equal(kinds.find("example.com", "v1", "crontabs"), undefined);
  const { objects } = await custom
    .caches(place.kind)
    .list(
      { namespace: undefined, selector: () => true, selectsAll: true, freshness: "latest" },
      new AbortController().signal,
    );
  assert.deepEqual(objects, []);
  assert.deepEqual(custom.errors, []);
  await custom.define(cronTabs());
  const again = await api.create(target(RESOURCE), cronTab("a"), context());
  assert.equal(again.metadata.generation, 1);
});

test("a definition whose names were never accepted goes at once", async () => {
  const custom = await createCustomApi();
  await custom.define(cronTabs());
  await custom.define(cronTabs({ metadata: { name: "rivals.example.com" }, spec: { names: { plural: "rivals" } } }));
  await custom.definition("rivals.example.com", (one) => one?.status?.conditions !== undefined);
  await custom.api.delete(custom.target(DEFINITIONS, "rivals.example.com"), {}, context());
  await custom.definition("rivals.example.com", (one) => one === undefined);
  assert.equal(custom.kinds.find("example.com", "v1", "crontabs")?.kind, "CronTab");
});
