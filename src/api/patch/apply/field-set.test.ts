import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import { deployment } from "../../kinds/deployment.ts";
import {
  difference,
  type FieldSet,
  intersection,
  isField,
  type MutableNode,
  nodeOf,
  parseFieldSet,
  printPaths,
  setsEqual,
  union,
} from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import { parseStep } from "./path-element.ts";

/** A set as its paths, the plain model that the operations are compared with. */
function paths(set: FieldSet, prefix = ""): readonly string[] {
  return Object.entries(set ?? {}).flatMap(([step, node]) =>
    step === "." ? [] : [...(isField(node) ? [prefix + step] : []), ...paths(node, `${prefix}${step}/`)],
  );
}

const step = fc.constantFrom("f:a", "f:b", 'k:{"name":"x"}', 'v:"y"');
/** Nodes with up to `depth` further steps below. */
function nodes(depth: number): fc.Arbitrary<FieldSet> {
  const children = depth === 0 ? fc.constant([]) : fc.array(fc.tuple(step, nodes(depth - 1)), { maxLength: 3 });
  return fc.tuple(fc.boolean(), children).map(([self, found]) => {
    const present: MutableNode = {};
    for (const [key, child] of found) if (child !== undefined) present[key] = child;
    return nodeOf(present, self);
  });
}
const set = nodes(3).map((built) => {
  const { ".": _, ...root } = built ?? {};
  return Object.keys(root).length === 0 ? undefined : root;
});

test("union, difference and intersection are those of the sets of paths", () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      const [left, right] = [paths(a), paths(b)];
      assert.deepEqual([...paths(union(a, b))].sort(), [...new Set([...left, ...right])].sort());
      assert.deepEqual([...paths(difference(a, b))].sort(), left.filter((path) => !right.includes(path)).sort());
      assert.deepEqual([...paths(intersection(a, b))].sort(), left.filter((path) => right.includes(path)).sort());
      assert.equal(setsEqual(a, b), [...left].sort().join() === [...right].sort().join());
    }),
    { numRuns: 2000 },
  );
});

test("operations leave no nodes without fields and keep steps in order", () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      for (const result of [union(a, b), difference(a, b), intersection(a, b)]) {
        const text = JSON.stringify(result);
        if (text === undefined) continue;
        assert.equal(JSON.stringify(parseFieldSet(JSON.parse(text))), text);
      }
    }),
    { numRuns: 1000 },
  );
});

test("difference gives the set itself when nothing goes", () => {
  const a = parseFieldSet({ "f:a": { "f:b": {} } });
  assert.equal(difference(a, parseFieldSet({ "f:a": { "f:c": {} }, "f:d": {} })), a);
});

test("parseFieldSet reads what JSON.stringify wrote", () => {
  fc.assert(
    fc.property(set, (a) => {
      assert.deepEqual(parseFieldSet(JSON.parse(JSON.stringify(a ?? {}))), a);
    }),
  );
});

test("parseFieldSet makes steps canonical and drops kinds that it does not know", () => {
  assert.deepEqual(
    parseFieldSet({
      "f:ports": { 'k:{"protocol": "TCP", "containerPort":80}': { ".": {} }, 'k:{"name":"a\\u003cb"}': {} },
      "x:new": {},
    }),
    { "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': {}, 'k:{"name":"a<b"}': {} } },
  );
});

for (const bad of [
  null,
  1,
  "x",
  [],
  { a: {} },
  { "f:a": 1 },
  { "f:a": [] },
  { "k:x": {} },
  { "k:1": {} },
  { "v:": {} },
]) {
  test(`parseFieldSet refuses ${JSON.stringify(bad)}`, () => {
    assert.throws(() => parseFieldSet(bad));
  });
}

test("parseStep keeps canonical steps", () => {
  for (const text of ["f:", "f:a:b", 'k:{"a":1,"b":"x"}', 'v:"x"', "v:1", "v:true", "i:3"]) {
    assert.equal(parseStep(text), text);
  }
});

test("printPaths shows paths as messages do, those of a node before those below", () => {
  const fields = parseFieldSet({
    "f:spec": {
      "f:template": {
        "f:containers": {
          'k:{"name":"web"}': { ".": {}, "f:image": {} },
          'k:{"containerPort":80,"protocol":"TCP"}': {},
        },
      },
      "f:zeta": {},
    },
    "f:finalizers": { 'v:"x"': {} },
  });
  assert.deepEqual(printPaths(fields), [
    '.finalizers[="x"]',
    ".spec.zeta",
    '.spec.template.containers[containerPort=80,protocol="TCP"]',
    '.spec.template.containers[name="web"]',
    '.spec.template.containers[name="web"].image',
  ]);
});

const applied: JsonObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web" }, finalizers: ["x"] },
  spec: {
    replicas: 2,
    paused: null,
    selector: { matchLabels: { app: "web" } },
    strategy: {},
    template: {
      spec: {
        containers: [
          {
            name: "web",
            args: ["a"],
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: "1" } },
            env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
          },
        ],
        tolerations: [{ key: "a" }],
        volumes: [{ name: "data", emptyDir: {} }],
      },
    },
  },
};

test("fieldsOf an applied configuration stops at scalars, atomic values and empty objects", () => {
  assert.deepEqual(fieldsOf(deployment.schema, applied, "applied", false), {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": { "f:finalizers": { 'v:"x"': {} }, "f:labels": { "f:app": {} }, "f:name": {} },
    "f:spec": {
      "f:paused": {},
      "f:replicas": {},
      "f:selector": {},
      "f:strategy": {},
      "f:template": {
        "f:spec": {
          "f:containers": {
            'k:{"name":"web"}': {
              ".": {},
              "f:args": {},
              "f:env": { 'k:{"name":"A"}': { ".": {}, "f:name": {}, "f:valueFrom": { "f:fieldRef": {} } } },
              "f:name": {},
              "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
              "f:resources": { "f:limits": { "f:cpu": {} } },
            },
          },
          "f:tolerations": {},
          "f:volumes": { 'k:{"name":"data"}': { ".": {}, "f:emptyDir": {}, "f:name": {} } },
        },
      },
    },
  });
});

test("fieldsOf added values has containers that can be absent, too", () => {
  const { metadata, spec } = applied as { metadata: JsonObject; spec: JsonObject };
  assert.deepEqual(fieldsOf(deployment.schema, { metadata: { labels: metadata["labels"] } }, "added", false), {
    "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
  });
  const template = fieldsOf(deployment.schema, { spec: { template: spec["template"] } }, "added", false);
  const containers = template?.["f:spec"]?.["f:template"]?.["f:spec"]?.["f:containers"];
  assert.equal(isField(containers ?? {}), false);
  assert.deepEqual(containers?.['k:{"name":"web"}']?.["f:ports"], {
    ".": {},
    'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} },
  });
});
