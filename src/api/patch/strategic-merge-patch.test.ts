import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { isApiError } from "../api-error.ts";
import { deployment } from "../kinds/deployment.ts";
import { service } from "../kinds/service/service.ts";
import { field, int32, list, listBy, mapOf, object, setOf, string } from "../schema/schema.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const taint = object("test.Taint", "A taint.", {
  key: field(1, string, "Key.", { required: true }),
  value: field(2, string, "Value."),
  effect: field(3, string, "Effect."),
});
const port = object("test.Port", "A port.", { port: field(1, int32, "Port."), name: field(2, string, "Name.") });
const nested = object("test.Nested", "An item with lists.", {
  name: field(1, string, "Name.", { required: true }),
  ports: field(2, listBy(port, ["port"], { patchKey: "port" }), "Ports."),
  args: field(3, list(string), "Arguments."),
});
const schema = object("test.Thing", "A thing.", {
  taints: field(1, list(taint), "Taints."),
  items: field(2, listBy(nested, ["name"], { patchKey: "name" }), "Items."),
  finalizers: field(3, setOf(string, { patchMerge: true }), "Finalizers."),
  set: field(4, setOf(string, { patchMerge: false }), "A set that patches replace."),
  labels: field(5, mapOf(string), "Labels."),
  unschedulable: field(6, string, "A scalar."),
  only: field(7, listBy(nested, ["name"]), "Merged by apply only."),
});

type Case = readonly [what: string, object: JsonObject, patch: JsonObject, expected: JsonObject];

function names(...all: readonly string[]): readonly JsonObject[] {
  return all.map((name) => ({ name }));
}

const CASES: readonly Case[] = [
  ["merges members", { labels: { a: "1" } }, { labels: { b: "2" } }, { labels: { a: "1", b: "2" } }],
  ["removes members by null", { labels: { a: "1" } }, { labels: { a: null, b: null } }, { labels: {} }],
  ["drops nulls of what is new", {}, { labels: { a: null, b: "1" } }, { labels: { b: "1" } }],
  ["replaces lists without a key", { taints: [{ key: "a" }] }, { taints: [{ key: "b" }] }, { taints: [{ key: "b" }] }],
  ["replaces sets that do not merge", { set: ["a"] }, { set: ["b"] }, { set: ["b"] }],
  ["replaces lists with keys for apply only", { only: names("a") }, { only: names("b") }, { only: names("b") }],
  ["merges scalars", { finalizers: ["a", "b"] }, { finalizers: ["c", "a"] }, { finalizers: ["c", "a", "b"] }],
  [
    "deletes scalars",
    { finalizers: ["a", "b", "c"] },
    { "$deleteFromPrimitiveList/finalizers": ["a", "c"] },
    { finalizers: ["b"] },
  ],
  [
    "adds, deletes and orders scalars together",
    { finalizers: ["a", "b", "c"] },
    { "$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["d", "b"], finalizers: ["d"] },
    { finalizers: ["d", "b", "c"] },
  ],
  [
    "merges items by key, also their lists",
    { items: [{ name: "x", ports: [{ port: 1, name: "one" }], args: ["a"] }] },
    { items: [{ name: "x", ports: [{ port: 1, name: "eins" }, { port: 2 }], args: ["b"] }] },
    { items: [{ name: "x", ports: [{ port: 1, name: "eins" }, { port: 2 }], args: ["b"] }] },
  ],
  ["adds items after those it knows", { items: names("a") }, { items: names("b") }, { items: names("b", "a") }],
  ["deletes items", { items: names("a", "b") }, { items: [{ name: "a", $patch: "delete" }] }, { items: names("b") }],
  [
    "deletes items that are not there",
    { items: names("a") },
    { items: [{ name: "x", $patch: "delete" }] },
    { items: names("a") },
  ],
  [
    "replaces a list",
    { items: names("a", "b") },
    { items: [...names("c"), { $patch: "replace" }] },
    { items: names("c") },
  ],
  [
    "replaces a list by one that has a key twice",
    { items: names("a") },
    { items: [{ name: "c", args: ["1"] }, { name: "c", args: ["2"] }, { $patch: "replace" }] },
    {
      items: [
        { name: "c", args: ["1"] },
        { name: "c", args: ["2"] },
      ],
    },
  ],
  ["replaces an object", { labels: { a: "1" } }, { labels: { $patch: "replace", b: "2" } }, { labels: { b: "2" } }],
  ["deletes what is in an object", { labels: { a: "1" } }, { labels: { $patch: "delete" } }, { labels: {} }],
  [
    "takes merge as the default",
    { labels: { a: "1" } },
    { labels: { $patch: "merge", b: "2" } },
    { labels: { a: "1", b: "2" } },
  ],
  [
    "keeps the members that $retainKeys names",
    { items: [{ name: "a", ports: [], args: ["x"] }] },
    { items: [{ name: "a", args: ["y"], $retainKeys: ["name", "args"] }] },
    { items: [{ name: "a", args: ["y"] }] },
  ],
  [
    "leaves no directives in new items",
    {},
    {
      items: [
        { name: "a", $retainKeys: ["name"], "$setElementOrder/ports": [] },
        { name: "b", $patch: "delete" },
      ],
    },
    { items: names("a") },
  ],
  [
    "orders as $setElementOrder says, others by their place",
    { items: names("a", "s1", "b", "s2") },
    { "$setElementOrder/items": names("b", "n", "a"), items: names("n") },
    { items: names("s1", "b", "n", "a", "s2") },
  ],
  [
    "orders without changes",
    { items: names("a", "b", "c") },
    { "$setElementOrder/items": names("c", "b", "a") },
    { items: names("c", "b", "a") },
  ],
  [
    "ignores an order of lists that do not merge",
    { taints: [{ key: "a" }, { key: "b" }] },
    { "$setElementOrder/taints": [{ key: "b" }, { key: "a" }] },
    { taints: [{ key: "a" }, { key: "b" }] },
  ],
  ["ignores an order of nothing", {}, { "$setElementOrder/items": names("a") }, {}],
  [
    "merges unknown members as plain JSON",
    { x: { a: 1, l: [1] } },
    { x: { b: 2, l: [2] } },
    { x: { a: 1, l: [2], b: 2 } },
  ],
  ["replaces what has another type", { labels: "x" }, { labels: { a: "1" } }, { labels: { a: "1" } }],
];

for (const [what, before, patch, expected] of CASES) {
  test(`applyStrategicMergePatch ${what}`, () => {
    const frozen = JSON.stringify([before, patch]);
    assert.deepEqual(applyStrategicMergePatch(schema, before, patch), expected);
    assert.equal(JSON.stringify([before, patch]), frozen);
  });
}

const BAD: readonly (readonly [what: string, patch: JsonObject, message: string])[] = [
  [
    "an item without its key",
    { items: [{ args: ["x"] }] },
    "map: map[args:[x]] does not contain declared merge key: name",
  ],
  [
    "a deletion without key",
    { items: [{ $patch: "delete" }] },
    "map: map[$patch:delete] does not contain declared merge key: name",
  ],
  ["an item that is no object", { items: ["a"] }, "strategic merge patch format is not supported"],
  ["an unknown directive", { labels: { $patch: "drop" } }, "unknown patch type: drop in map: map[$patch:drop]"],
  [
    "a merge of an item",
    { items: [{ name: "a", $patch: "merge" }] },
    "merging lists cannot yet be specified in the patch",
  ],
  ["an order that is no list", { "$setElementOrder/items": "a" }, "invalid patch format of setElementOrder list"],
  [
    "deletions that are no list",
    { "$deleteFromPrimitiveList/finalizers": "a" },
    "invalid patch format of primitive list",
  ],
  ["a member that is not retained", { labels: { a: "1", $retainKeys: [] } }, "invalid patch format of retainKeys"],
  ["retained keys that are no list", { labels: { $retainKeys: "a" } }, "invalid patch format of retainKeys"],
  [
    "an order against the patch's own",
    { "$setElementOrder/items": names("a", "b"), items: names("b", "a") },
    "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  ],
];

for (const [what, patch, message] of BAD) {
  test(`applyStrategicMergePatch refuses ${what}`, () => {
    const object = { items: names("a"), labels: { z: "1" }, finalizers: ["a"] };
    assert.throws(
      () => applyStrategicMergePatch(schema, object, patch),
      (error) => isApiError(error, "BadRequest") && error.message === message,
    );
  });
}

/** A patch as kubectl makes them, for lists by name. */
function diff(old: readonly string[], next: readonly string[], args: string): JsonObject {
  return {
    "$setElementOrder/items": names(...next),
    items: [
      ...next.map((name) => ({ name, args: [args] })),
      ...old.filter((name) => !next.includes(name)).map((name) => ({ name, $patch: "delete" })),
    ],
  };
}

test("applyStrategicMergePatch of a difference gives the other list in its order", () => {
  const someNames = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"));
  fc.assert(
    fc.property(someNames, someNames, (old, next) => {
      const patched = applyStrategicMergePatch(schema, { items: names(...old) }, diff(old, next, "x"));
      assert.deepEqual(patched, { items: next.map((name) => ({ name, args: ["x"] })) });
    }),
  );
});

const web: JsonObject = {
  metadata: { name: "web", labels: { app: "web" } },
  spec: {
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        containers: [
          {
            name: "web",
            image: "nginx:1",
            env: [{ name: "A", value: "1" }],
            ports: [{ containerPort: 80, protocol: "TCP" }],
          },
          { name: "log", image: "log:1" },
        ],
        volumes: [{ name: "data", emptyDir: {} }],
        tolerations: [{ key: "a", operator: "Exists" }],
      },
    },
  },
};

function podSpec(object: JsonObject): Record<string, JsonValue> {
  return JSON.parse(JSON.stringify(object)).spec.template.spec;
}

function patchPodSpec(patch: JsonObject): Record<string, JsonValue> {
  return podSpec(applyStrategicMergePatch(deployment.schema, web, { spec: { template: { spec: patch } } }));
}

test("applyStrategicMergePatch does kubectl set image", () => {
  const { containers } = patchPodSpec({
    "$setElementOrder/containers": names("web", "log"),
    containers: [{ name: "web", image: "nginx:2" }],
  });
  const [first, second] = podSpec(web)["containers"] as JsonObject[];
  assert.deepEqual(containers, [{ ...first, image: "nginx:2" }, second]);
});

test("applyStrategicMergePatch does kubectl set env", () => {
  const { containers } = patchPodSpec({
    "$setElementOrder/containers": names("web"),
    containers: [{ name: "web", "$setElementOrder/env": names("A", "B"), env: [{ name: "B", value: "2" }] }],
  });
  const [first] = containers as JsonObject[];
  assert.deepEqual(first?.["env"], [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ]);
});

test("applyStrategicMergePatch removes what kubectl set env A- removes", () => {
  const { containers } = patchPodSpec({
    containers: [{ name: "web", env: [{ name: "A", $patch: "delete" }], "$setElementOrder/env": [] }],
  });
  assert.deepEqual((containers as JsonObject[])[0]?.["env"], []);
});

test("applyStrategicMergePatch does kubectl rollout restart", () => {
  const annotations = { "kubectl.kubernetes.io/restartedAt": "2024-01-01T00:00:00Z" };
  const patched = applyStrategicMergePatch(deployment.schema, web, {
    spec: { template: { metadata: { annotations } } },
  });
  const { spec } = JSON.parse(JSON.stringify(patched));
  assert.deepEqual(spec.template.metadata, { labels: { app: "web" }, annotations });
  assert.deepEqual(podSpec(patched), podSpec(web));
});

test("applyStrategicMergePatch changes the source of a volume with $retainKeys", () => {
  const { volumes } = patchPodSpec({
    volumes: [{ name: "data", configMap: { name: "c" }, $retainKeys: ["name", "configMap"] }],
  });
  assert.deepEqual(volumes, [{ name: "data", configMap: { name: "c" } }]);
});

test("applyStrategicMergePatch changes the strategy with $retainKeys", () => {
  const patched = applyStrategicMergePatch(deployment.schema, web, {
    spec: { strategy: { $retainKeys: ["type"], type: "Recreate", rollingUpdate: null } },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(patched)).spec.strategy, { type: "Recreate" });
});

test("applyStrategicMergePatch replaces tolerations and merges ports by containerPort", () => {
  const spec = patchPodSpec({
    tolerations: [{ key: "b" }],
    containers: [{ name: "web", ports: [{ containerPort: 80, name: "http" }, { containerPort: 81 }] }],
  });
  assert.deepEqual(spec["tolerations"], [{ key: "b" }]);
  assert.deepEqual((spec["containers"] as JsonObject[])[0]?.["ports"], [
    { containerPort: 80, protocol: "TCP", name: "http" },
    { containerPort: 81 },
  ]);
});

test("applyStrategicMergePatch merges the ports of services by port", () => {
  const before = { spec: { ports: [{ port: 80, targetPort: 8080, name: "http" }], selector: { app: "web" } } };
  const patched = applyStrategicMergePatch(service.schema, before, {
    spec: { ports: [{ port: 80, targetPort: 9090 }] },
  });
  assert.deepEqual(patched, {
    spec: { ports: [{ port: 80, targetPort: 9090, name: "http" }], selector: { app: "web" } },
  });
});

test("applyStrategicMergePatch cordons and uncordons", () => {
  const cordoned = applyStrategicMergePatch(schema, { taints: [] }, { unschedulable: "true" });
  assert.deepEqual(cordoned, { taints: [], unschedulable: "true" });
  assert.deepEqual(applyStrategicMergePatch(schema, cordoned, { unschedulable: null }), { taints: [] });
});

test("applyStrategicMergePatch shares what the patch does not touch", () => {
  const patched = applyStrategicMergePatch(deployment.schema, web, { spec: { replicas: 2 } });
  assert.equal((patched["spec"] as JsonObject)["template"], (web["spec"] as JsonObject)["template"]);
});
