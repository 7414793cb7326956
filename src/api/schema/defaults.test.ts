import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { deployment } from "../kinds/deployment.ts";
import { pod } from "../kinds/pod/pod.ts";
import { decodeObject } from "./decode.ts";
import { applyDefaults, applySchemaDefaults } from "./defaults.ts";
import { deepFreeze } from "./freeze.ts";
import {
  any,
  boolean,
  field,
  int32,
  int32Between,
  intOrString,
  list,
  listBy,
  mapOf,
  object,
  oneOf,
  string,
} from "./schema.ts";

const port = object("io.example.Port", "A port.", {
  port: field(1, int32Between(1, 65535), "Number.", { required: true }),
  protocol: field(2, oneOf("TCP", "UDP"), "Protocol.", { default: "TCP" }),
  target: field(3, intOrString, "Target.", { default: ({ port }) => port ?? undefined }),
});
const status = object("io.example.Status", "A status.", {
  ready: field(1, boolean, "Ready.", { required: true }),
  count: field(2, int32, "Count.", { required: true }),
  name: field(3, string, "Name.", { required: true }),
  maybe: field(4, int32, "Maybe.", { required: true, pointer: true }),
});
const widget = object("io.example.Widget", "A widget.", {
  text: field(1, string, "Text."),
  flag: field(2, boolean, "Flag."),
  flagPointer: field(3, boolean, "Flag.", { pointer: true }),
  number: field(4, int32, "Number.", { default: 5 }),
  numberPointer: field(5, int32, "Number.", { default: 5, pointer: true }),
  empty: field(6, string, "Text.", { default: "" }),
  ports: field(7, listBy(port, ["port"]), "Ports."),
  named: field(8, mapOf(port), "Ports."),
  args: field(9, list(string), "Arguments."),
  env: field(10, mapOf(string), "Variables."),
  inner: field(11, port, "A port.", { default: { port: 1 } }),
  status: field(12, status, "Status."),
  raw: field(13, any, "Raw."),
  seen: field(14, string, "Which members a default sees.", { default: (parent) => `${Object.keys(parent)}.` }),
});
const always = { number: 5, numberPointer: 5, empty: "", inner: { port: 1, protocol: "TCP", target: 1 } };

const cases: readonly (readonly [what: string, given: JsonObject, complete: JsonObject])[] = [
  ["fills in defaults, also inside of defaults", {}, { ...always, seen: "." }],
  ["keeps what is given", { number: 1, flag: true }, { ...always, number: 1, flag: true, seen: "number,flag." }],
  [
    "takes zeros for absent, except for pointers",
    { text: "", flag: false, flagPointer: false, number: 0, numberPointer: 0, args: [], env: {}, empty: "" },
    { ...always, flagPointer: false, numberPointer: 0, seen: "flagPointer,numberPointer,empty." },
  ],
  [
    "keeps zeros inside of lists, maps and raw values",
    { args: [""], env: { a: "" }, raw: { a: 0, b: "" } },
    { ...always, args: [""], env: { a: "" }, raw: { a: 0, b: "" }, seen: "args,env,raw." },
  ],
  [
    "goes into lists and maps",
    { ports: [{ port: 80 }, { port: 53, protocol: "UDP", target: 0 }], named: { web: { port: 1, target: "http" } } },
    {
      ...always,
      ports: [
        { port: 80, protocol: "TCP", target: 80 },
        { port: 53, protocol: "UDP", target: 53 },
      ],
      named: { web: { port: 1, target: "http", protocol: "TCP" } },
      seen: "ports,named.",
    },
  ],
  [
    "writes numbers and booleans that must be there, as far as they may be zero",
    { status: {}, ports: [{}] },
    { ...always, status: { ready: false, count: 0 }, ports: [{ protocol: "TCP" }], seen: "status,ports." },
  ],
];

for (const [what, given, complete] of cases) {
  test(`applySchemaDefaults ${what}`, () => {
    const made = applySchemaDefaults(widget, deepFreeze(given));
    assert.deepEqual(made, complete);
    assert.equal(applySchemaDefaults(widget, made), made);
  });
}

test("applySchemaDefaults shares what it does not change", () => {
  const given = deepFreeze({
    ...always,
    ports: [{ port: 80 }, { port: 53, protocol: "UDP", target: 1 }],
    seen: "x",
    env: { a: "b" },
  });
  const made = applySchemaDefaults(widget, given) as typeof given;
  assert.notEqual(made, given);
  assert.equal(made.env, given.env);
  assert.equal(made.ports[1], given.ports[1]);
  assert.notEqual(made.ports[0], given.ports[0]);
});

test("applySchemaDefaults keeps the key __proto__", () => {
  const given = JSON.parse('{"__proto__":{"port":1}}');
  const made = applySchemaDefaults(mapOf(port), given);
  assert.equal(JSON.stringify(made), '{"__proto__":{"port":1,"protocol":"TCP","target":1}}');
});

test("applyDefaults completes a Deployment as Kubernetes does", () => {
  const { object: given } = decodeObject(deployment, {
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "nginx:1" }] } },
    },
  });
  const { spec } = applyDefaults(deployment, given);
  assert.equal(spec.replicas, 1);
  assert.deepEqual(spec.strategy, { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } });
  assert.equal(spec.template.spec?.restartPolicy, "Always");
  assert.equal(spec.template.spec?.containers[0]?.imagePullPolicy, "IfNotPresent");
});

test("applyDefaults keeps a Pod's pointers that are zero", () => {
  const { object: given } = decodeObject(pod, {
    spec: { terminationGracePeriodSeconds: 0, enableServiceLinks: false, containers: [{ name: "a", image: "b" }] },
  });
  const { spec } = applyDefaults(pod, given);
  assert.equal(spec.terminationGracePeriodSeconds, 0);
  assert.equal(spec.enableServiceLinks, false);
});
