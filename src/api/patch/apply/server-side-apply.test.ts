import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { ApiError, isApiError } from "../../api-error.ts";
import type { KubeObject } from "../../kind.ts";
import { deployment } from "../../kinds/deployment.ts";
import { service } from "../../kinds/service/service.ts";
import { deepFreeze } from "../../schema/freeze.ts";
import { type ApplyOptions, serverSideApply } from "./server-side-apply.ts";
import { trackUpdate } from "./track-update.ts";

const NOW = new Date("2024-01-01T00:00:00Z");
const LATER = new Date("2024-01-01T01:00:00Z");

function as(fieldManager: string, options: Partial<ApplyOptions> = {}): ApplyOptions {
  return { fieldManager, force: false, now: NOW, subresource: "", ...options };
}

function web(spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return deepFreeze({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", ...metadata }, spec });
}

function containers(...items: readonly JsonObject[]): JsonObject {
  return { template: { spec: { containers: items } } };
}

function apply(current: KubeObject | undefined, spec: JsonObject, options: ApplyOptions): KubeObject {
  return deepFreeze(serverSideApply(deployment, current, web(spec), options));
}

function applyNothing(current: KubeObject, options: ApplyOptions): KubeObject {
  const { spec: _, ...patch } = web({});
  return serverSideApply(deployment, current, patch, options);
}

function update(current: KubeObject, spec: JsonObject, fieldManager: string, subresource = ""): KubeObject {
  return deepFreeze(trackUpdate(deployment, current, { ...current, spec }, { fieldManager, now: NOW, subresource }));
}

/** "manager operation" to its set. */
function managers(object: KubeObject): Record<string, unknown> {
  const entries = object.metadata.managedFields ?? [];
  return Object.fromEntries(entries.map((entry) => [`${entry.manager} ${entry.operation}`, entry.fieldsV1]));
}

function refusal(action: () => unknown): ApiError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return error;
  }
  return assert.fail("it was not refused");
}

test("serverSideApply creates, and the applier owns what it says", () => {
  const object = apply(undefined, { replicas: 2, ...containers({ name: "web", image: "a" }) }, as("kubectl"));
  assert.equal(object.metadata.name, "web");
  assert.deepEqual(object.metadata.managedFields, [
    {
      manager: "kubectl",
      operation: "Apply",
      apiVersion: "apps/v1",
      time: "2024-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:replicas": {},
          "f:template": {
            "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } } },
          },
        },
      },
    },
  ]);
});

test("serverSideApply again changes nothing, not even a time", () => {
  const spec = { replicas: 2, ...containers({ name: "web", image: "a", ports: [{ containerPort: 80 }] }) };
  const object = apply(undefined, spec, as("kubectl"));
  assert.equal(apply(object, spec, as("kubectl", { now: LATER })), object);
});

test("serverSideApply leaves defaults alone and finds items whose keys are defaults", () => {
  const port = { containerPort: 80, protocol: "TCP", name: "http" };
  const spec = containers({ name: "web", image: "a", ports: [{ containerPort: 80, name: "http" }] });
  const object = apply(undefined, spec, as("kubectl"));
  const defaulted = deepFreeze({
    ...object,
    spec: { replicas: 1, ...containers({ name: "web", image: "a", ports: [port], stdin: false }) },
  });
  assert.equal(apply(defaulted, spec, as("kubectl", { now: LATER })), defaulted);
});

test("serverSideApply removes what its manager does not say any more and nobody else has", () => {
  const probe = { httpGet: { path: "/", port: 80 } };
  const before = apply(
    undefined,
    {
      replicas: 2,
      paused: true,
      ...containers({ name: "web", image: "a", livenessProbe: probe }, { name: "log", image: "l" }),
    },
    as("kubectl"),
  );
  const [first, second] = [
    { name: "web", image: "a", livenessProbe: { ...probe, periodSeconds: 10 } },
    { name: "log", image: "l", stdin: false },
  ];
  const defaulted = deepFreeze({
    ...before,
    spec: { ...(before["spec"] as JsonObject), ...containers(first, second) },
  });
  const after = apply(defaulted, { replicas: 2, ...containers({ name: "web", image: "a" }) }, as("kubectl"));
  // The defaults of what goes go with it.
  assert.deepEqual(after["spec"], { replicas: 2, ...containers({ name: "web", image: "a" }) });
});

test("serverSideApply keeps what another applier says, too", () => {
  const one = apply(undefined, { replicas: 2, ...containers({ name: "web", image: "a" }) }, as("a"));
  const both = apply(one, { replicas: 2, ...containers({ name: "log", image: "l" }) }, as("b"));
  const left = applyNothing(both, as("a"));
  assert.deepEqual(left["spec"], { replicas: 2, ...containers({ name: "log", image: "l" }) });
  assert.deepEqual(Object.keys(managers(left)), ["b Apply"]);
});

test("serverSideApply removes an item although others own fields in it, unless they own the item", () => {
  const one = apply(undefined, containers({ name: "web", image: "a" }), as("a"));
  const changed = update(one, containers({ name: "web", image: "a", workingDir: "/" }), "editor");
  assert.equal(applyNothing(changed, as("a"))["spec"], undefined);
  const shared = apply(changed, containers({ name: "web" }), as("b"));
  assert.deepEqual(applyNothing(shared, as("a"))["spec"], containers({ name: "web", workingDir: "/" }));
});

test("serverSideApply keeps an empty object that is still said", () => {
  const volumes = (emptyDir: JsonObject) => ({ template: { spec: { volumes: [{ name: "data", emptyDir }] } } });
  const before = apply(undefined, volumes({ medium: "Memory" }), as("a"));
  assert.deepEqual(apply(before, volumes({}), as("a"))["spec"], volumes({}));
});

test("serverSideApply refuses to change what one other manages", () => {
  const live = update(apply(undefined, { replicas: 1 }, as("a")), { replicas: 3 }, "kubectl-edit");
  const error = refusal(() => apply(live, { replicas: 2 }, as("a")));
  assert.deepEqual(
    { code: error.code, reason: error.reason, message: error.message, details: error.details },
    {
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas',
      details: {
        causes: [
          {
            reason: "FieldManagerConflict",
            message: 'conflict with "kubectl-edit" using apps/v1',
            field: ".spec.replicas",
          },
        ],
      },
    },
  );
});

test("serverSideApply lists several conflicts by manager", () => {
  let live = apply(undefined, { replicas: 1, ...containers({ name: "web", image: "a", workingDir: "/" }) }, as("b"));
  live = update(
    live,
    { replicas: 3, paused: true, ...containers({ name: "web", image: "a", workingDir: "/" }) },
    "a",
    "scale",
  );
  const error = refusal(() =>
    apply(live, { replicas: 2, paused: false, ...containers({ name: "web", image: "x" }) }, as("c")),
  );
  assert.equal(
    error.message,
    'Apply failed with 3 conflicts: conflicts with "a" with subresource "scale" using apps/v1:\n- .spec.paused\n- .spec.replicas\n' +
      'conflicts with "b":\n- .spec.template.spec.containers[name="web"].image',
  );
  assert.equal(error.details?.causes?.length, 3);
});

test("serverSideApply takes over by force", () => {
  const live = update(apply(undefined, { replicas: 1 }, as("a")), { replicas: 3 }, "kubectl-edit");
  const forced = apply(live, { replicas: 2 }, as("a", { force: true }));
  assert.deepEqual(forced["spec"], { replicas: 2 });
  assert.deepEqual(managers(forced), { "a Apply": { "f:spec": { "f:replicas": {} } } });
});

test("serverSideApply shares what both say alike", () => {
  const one = apply(undefined, { replicas: 1 }, as("a"));
  const both = apply(one, { replicas: 1 }, as("b", { now: LATER }));
  assert.deepEqual(managers(both), {
    "a Apply": { "f:spec": { "f:replicas": {} } },
    "b Apply": { "f:spec": { "f:replicas": {} } },
  });
  // Neither may change it alone.
  assert.match(refusal(() => apply(both, { replicas: 2 }, as("a"))).message, /conflict with "b": \.spec\.replicas$/);
});

test("serverSideApply gives what nobody tracked to before-first-apply", () => {
  const live = deepFreeze({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", uid: "u" },
    spec: { replicas: 1 },
  });
  const error = refusal(() => apply(live, { replicas: 2 }, as("a")));
  assert.equal(
    error.message,
    'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
  );
});

test("serverSideApply keeps the order of the configuration and the place of other items", () => {
  const names = (...all: readonly string[]) => containers(...all.map((name) => ({ name })));
  const live = update(apply(undefined, names("a", "b"), as("x")), names("s", "a", "t", "b", "u"), "injector");
  assert.deepEqual(apply(live, names("b", "n", "a"), as("x"))["spec"], names("s", "t", "b", "u", "n", "a"));
  assert.deepEqual(apply(live, names("a", "n", "b"), as("x"))["spec"], names("s", "a", "t", "n", "b", "u"));
});

test("serverSideApply replaces atomic values", () => {
  const before = apply(undefined, { selector: { matchLabels: { a: "1" } } }, as("x"));
  const after = apply(before, { selector: { matchLabels: { b: "1" } } }, as("x"));
  assert.deepEqual(after["spec"], { selector: { matchLabels: { b: "1" } } });
});

test("serverSideApply takes generated manifests with nulls of the server's fields", () => {
  const patch = web({ replicas: 1 }, { creationTimestamp: null });
  const live = deepFreeze({ ...apply(undefined, { replicas: 1 }, as("a")) });
  const stored = { ...live, metadata: { ...live.metadata, creationTimestamp: "2024-01-01T00:00:00Z" } };
  assert.equal(serverSideApply(deployment, stored, patch, as("a")).metadata.creationTimestamp, "2024-01-01T00:00:00Z");
});

const REFUSED: readonly (readonly [what: string, patch: JsonObject, message: string])[] = [
  ["another kind", { apiVersion: "v1", kind: "Pod" }, "invalid object type: /v1, Kind=Pod"],
  ["managedFields", web({}, { managedFields: [] }), "metadata.managedFields must be nil"],
  ["unknown fields", web({ bogus: 1 }), typed(".spec.bogus: field not declared in schema")],
  ["a wrong type", web({ replicas: "two" }), typed(".spec.replicas: expected numeric (int or float), got string")],
  [
    "a list that is none",
    web({ template: { spec: { containers: "x" } } }),
    typed(".spec.template.spec.containers: expected list, got &{x}"),
  ],
  [
    "a key twice",
    web(containers({ name: "a" }, { name: "a" })),
    typed('.spec.template.spec.containers: duplicate entries for key [name="a"]'),
  ],
  [
    "an item without its key",
    web(containers({ image: "a" })),
    typed(
      '.spec.template.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ),
  ],
  [
    "several problems",
    web({ paused: 1, x: 1 }),
    typed("errors:\n  .spec.paused: expected boolean, got &{1}\n  .spec.x: field not declared in schema"),
  ],
];

function typed(problem: string): string {
  return `failed to create typed patch object (/web; apps/v1, Kind=Deployment): ${problem}`;
}

for (const [what, patch, message] of REFUSED) {
  test(`serverSideApply refuses ${what}`, () => {
    const error = refusal(() => serverSideApply(deployment, undefined, patch, as("a")));
    assert.ok(isApiError(error, "BadRequest"));
    assert.equal(error.message, message);
  });
}

test("serverSideApply of services keeps ports apart by port and protocol", () => {
  const ports: readonly JsonValue[] = [
    { port: 53, protocol: "UDP", name: "u" },
    { port: 53, name: "t" },
  ];
  const patch = { apiVersion: "v1", kind: "Service", metadata: { name: "dns" }, spec: { ports } };
  const before = serverSideApply(service, undefined, patch, as("a"));
  const next = serverSideApply(service, before, { ...patch, spec: { ports: ports.slice(0, 1) } }, as("a"));
  assert.deepEqual(next["spec"], { ports: ports.slice(0, 1) });
});
