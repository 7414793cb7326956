import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "#base/json.ts";
import type { KubeObject } from "../../kind.ts";
import { configMap } from "../../kinds/config-map.ts";
import { deployment } from "../../kinds/deployment.ts";
import { deepFreeze } from "../../schema/freeze.ts";
import { withStoredTimes } from "./managed-fields.ts";
import { type TrackOptions, trackUpdate } from "./track-update.ts";

const BEFORE = new Date("2024-01-01T00:00:00.123Z");
const NOW = new Date("2024-01-01T00:01:00Z");

function by(fieldManager: string, options: Partial<TrackOptions> = {}): TrackOptions {
  return { fieldManager, now: NOW, subresource: "", ...options };
}

function config(data: JsonObject, metadata: JsonObject = {}): KubeObject {
  return deepFreeze({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", uid: "u", ...metadata }, data });
}

function deploymentWith(members: JsonObject, metadata: JsonObject = {}): KubeObject {
  return deepFreeze({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", ...metadata }, ...members });
}

/** Manager to its set, and to its time. */
function managers(object: KubeObject): Record<string, unknown> {
  return Object.fromEntries((object.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.fieldsV1]));
}

function times(object: KubeObject): Record<string, unknown> {
  return Object.fromEntries((object.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.time]));
}

/** The stored object with other members, as a client sends it back. */
function changed(object: KubeObject, members: { readonly [key: string]: unknown }): KubeObject {
  return { ...object, ...members };
}

const created = deepFreeze(
  trackUpdate(configMap, undefined, config({ a: "1", b: "2" }, { labels: { x: "y" }, resourceVersion: "5" }), {
    ...by("alice"),
    now: BEFORE,
  }),
);

test("trackUpdate gives the creator all fields but those of the server", () => {
  assert.deepEqual(created.metadata.managedFields, [
    {
      manager: "alice",
      operation: "Update",
      apiVersion: "v1",
      time: "2024-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:data": { ".": {}, "f:a": {}, "f:b": {} },
        "f:metadata": { "f:labels": { ".": {}, "f:x": {} } },
      },
    },
  ]);
});

test("trackUpdate moves changed fields to the writer and drops removed ones", () => {
  const next = trackUpdate(configMap, created, changed(created, { data: { a: "3", c: "4" } }), by("bob"));
  assert.deepEqual(managers(next), {
    alice: { "f:data": {}, "f:metadata": { "f:labels": { ".": {}, "f:x": {} } } },
    bob: { "f:data": { "f:a": {}, "f:c": {} } },
  });
  assert.deepEqual(times(next), { alice: "2024-01-01T00:00:00Z", bob: "2024-01-01T00:01:00Z" });
});

test("trackUpdate drops managers with nothing left", () => {
  const old = trackUpdate(configMap, undefined, config({ a: "1" }), by("alice"));
  const next = trackUpdate(configMap, old, changed(old, { data: undefined }), by("bob"));
  assert.equal(next.metadata.managedFields, undefined);
});

test("trackUpdate adds to what the writer has, and its time moves on", () => {
  const next = trackUpdate(configMap, created, changed(created, { data: { a: "1", b: "2", c: "3" } }), by("alice"));
  assert.deepEqual(managers(next), {
    alice: {
      "f:data": { ".": {}, "f:a": {}, "f:b": {}, "f:c": {} },
      "f:metadata": { "f:labels": { ".": {}, "f:x": {} } },
    },
  });
  assert.deepEqual(times(next), { alice: "2024-01-01T00:01:00Z" });
});

test("trackUpdate keeps the time of who only removes", () => {
  const next = trackUpdate(configMap, created, changed(created, { data: { a: "1" } }), by("alice"));
  assert.deepEqual(times(next), { alice: "2024-01-01T00:00:00Z" });
  assert.deepEqual(managers(next)["alice"], {
    "f:data": { ".": {}, "f:a": {} },
    "f:metadata": { "f:labels": { ".": {}, "f:x": {} } },
  });
});

test("trackUpdate gives the object itself when nothing changes", () => {
  assert.equal(trackUpdate(configMap, created, created, by("bob")), created);
  const copy: KubeObject = structuredClone(created);
  assert.deepEqual(
    trackUpdate(configMap, created, copy, by("bob")).metadata.managedFields,
    created.metadata.managedFields,
  );
});

test("trackUpdate puts the stored entries back when the client sends none", () => {
  const { managedFields: _, ...metadata } = created.metadata;
  const next = trackUpdate(configMap, created, changed(created, { metadata }), by("bob"));
  assert.deepEqual(next.metadata.managedFields, created.metadata.managedFields);
});

test("trackUpdate does not track the server's metadata", () => {
  const metadata = {
    ...created.metadata,
    ...{ resourceVersion: "9", generation: 3, deletionTimestamp: "2024-01-01T00:00:00Z", generateName: "g-" },
  };
  const next = trackUpdate(configMap, created, changed(created, { metadata }), by("bob"));
  assert.deepEqual(managers(next)["bob"], { "f:metadata": { "f:generateName": {} } });
});

for (const reset of [[], [{}]]) {
  test(`trackUpdate resets managedFields by ${JSON.stringify(reset)} and stops tracking`, () => {
    const metadata = { ...created.metadata, managedFields: reset };
    const next = trackUpdate(configMap, created, changed(created, { metadata }), by("bob"));
    assert.equal("managedFields" in next.metadata, false);
    const later = trackUpdate(configMap, next, changed(next, { data: { z: "1" } }), by("bob"));
    assert.equal(later.metadata.managedFields, undefined);
  });
}

test("trackUpdate takes entries that the client sets, in canonical form and order", () => {
  const entry = { apiVersion: "v1", fieldsType: "FieldsV1", time: "2024-01-01T00:00:00Z" } as const;
  const managedFields = [
    { ...entry, manager: "z", operation: "Update", fieldsV1: { "f:data": { "f:b": {}, "f:a": {} } } },
    { ...entry, manager: "k", operation: "Apply", fieldsV1: { "f:data": { "f:a": {} } } },
  ];
  const metadata = { ...created.metadata, managedFields };
  const next = trackUpdate(configMap, created, changed(created, { metadata }), by("bob"));
  assert.deepEqual(
    next.metadata.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
    ["k Apply", "z Update"],
  );
  assert.equal(JSON.stringify(managers(next)["z"]), '{"f:data":{"f:a":{},"f:b":{}}}');
});

const INVALID: readonly JsonValue[] = [
  [{ manager: "x" }],
  [{ manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV2", fieldsV1: {} }],
  [{ manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:a": 1 } }],
  [{ manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { bad: {} } }],
];

for (const managedFields of INVALID) {
  test(`trackUpdate keeps the stored entries instead of ${JSON.stringify(managedFields)}`, () => {
    const metadata = { ...created.metadata, managedFields };
    const next = trackUpdate(configMap, created, changed(created, { metadata }), by("bob"));
    assert.deepEqual(next.metadata.managedFields, created.metadata.managedFields);
  });
}

const container = { name: "web", image: "nginx:1", ports: [{ containerPort: 80, protocol: "TCP" }] };
const spec = {
  replicas: 1,
  selector: { matchLabels: { app: "web" } },
  template: { metadata: { labels: { app: "web" } }, spec: { containers: [container] } },
};
const web = deepFreeze(
  trackUpdate(deployment, undefined, deploymentWith({ spec }), { ...by("kubectl-create"), now: BEFORE }),
);

test("trackUpdate of a deployment looks as it does elsewhere", () => {
  assert.deepEqual(managers(web)["kubectl-create"], {
    "f:spec": {
      "f:replicas": {},
      "f:selector": {},
      "f:template": {
        "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
        "f:spec": {
          "f:containers": {
            'k:{"name":"web"}': {
              ".": {},
              "f:image": {},
              "f:name": {},
              "f:ports": {
                ".": {},
                'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
              },
            },
          },
        },
      },
    },
  });
});

test("trackUpdate finds items of lists by their keys, also when they move", () => {
  const containers = [
    { name: "side", image: "s:1" },
    { ...container, image: "nginx:2" },
  ];
  const template = { ...spec.template, spec: { containers } };
  const next = trackUpdate(deployment, web, changed(web, { spec: { ...spec, template } }), by("kubectl-set"));
  assert.deepEqual(managers(next)["kubectl-set"], {
    "f:spec": {
      "f:template": {
        "f:spec": {
          "f:containers": {
            'k:{"name":"side"}': { ".": {}, "f:image": {}, "f:name": {} },
            'k:{"name":"web"}': { "f:image": {} },
          },
        },
      },
    },
  });
});

test("trackUpdate tracks status through its subresource only, and there nothing but status", () => {
  const status = { conditions: [{ type: "Available", status: "True" }], replicas: 1 };
  const inMain = trackUpdate(deployment, web, changed(web, { status }), by("x"));
  assert.deepEqual(managers(inMain), managers(web));
  const next = trackUpdate(
    deployment,
    web,
    changed(web, { status, spec: { ...spec, replicas: 9 } }),
    by("controller", { subresource: "status" }),
  );
  const entry = next.metadata.managedFields?.at(-1);
  assert.equal(entry?.subresource, "status");
  assert.deepEqual(entry.fieldsV1, {
    "f:status": {
      "f:conditions": { ".": {}, 'k:{"type":"Available"}': { ".": {}, "f:status": {}, "f:type": {} } },
      "f:replicas": {},
    },
  });
  assert.deepEqual(managers(next)["kubectl-create"], managers(web)["kubectl-create"]);
});

test("trackUpdate keeps apart what one manager writes through different subresources", () => {
  const scaled = trackUpdate(
    deployment,
    web,
    changed(web, { spec: { ...spec, replicas: 3 } }),
    by("kubectl-create", { subresource: "scale" }),
  );
  assert.deepEqual(
    scaled.metadata.managedFields?.map(({ manager, subresource }) => [manager, subresource]),
    [
      ["kubectl-create", undefined],
      ["kubectl-create", "scale"],
    ],
  );
});

test("trackUpdate ignores entries that come through a subresource", () => {
  const metadata = { ...web.metadata, managedFields: [] };
  const next = trackUpdate(deployment, web, changed(web, { metadata }), by("x", { subresource: "status" }));
  assert.deepEqual(next.metadata.managedFields, web.metadata.managedFields);
});

test("trackUpdate merges the oldest of more than ten updates", () => {
  let object = config({});
  for (let index = 0; index < 12; index += 1) {
    const next = config(
      { ...(object["data"] as JsonObject), [`k${index}`]: "v" },
      { managedFields: object.metadata.managedFields ?? [] },
    );
    const now = new Date(BEFORE.getTime() + index * 1000);
    const old = index === 0 ? undefined : object;
    object = trackUpdate(configMap, old, next, by(`m${index}`, { now }));
  }
  const entries = object.metadata.managedFields ?? [];
  assert.equal(entries.length, 10);
  assert.equal(entries[0]?.manager, "ancient-changes");
  assert.deepEqual(entries[0]?.fieldsV1, { "f:data": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {} } });
  assert.equal(entries[0]?.time, "2024-01-01T00:00:02Z");
});

test("trackUpdate calls a writer without name unknown", () => {
  const object = trackUpdate(configMap, undefined, config({ a: "1" }), by(""));
  assert.deepEqual(Object.keys(managers(object)), ["unknown"]);
});

test("withStoredTimes keeps the times when nothing else differs", () => {
  const later = structuredClone(created) as unknown as { metadata: { managedFields: { time: string }[] } };
  const [entry] = later.metadata.managedFields;
  if (entry !== undefined) entry.time = "2030-01-01T00:00:00Z";
  const next = later as unknown as KubeObject;
  assert.deepEqual(withStoredTimes(created, next), created);
  const other = trackUpdate(configMap, created, changed(created, { data: { z: "1" } }), by("bob"));
  assert.equal(withStoredTimes(created, other), other);
});
