import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describeProblem, PolicyTestError } from "../policy-test-error.ts";
import { parseTestFile } from "./parse-test-file.ts";
import { ENDPOINT_KEYS, EXPECTATION_KEYS, FILE_KEYS, POD_KEYS } from "./test-file.ts";

const HEAD = "apiVersion: podwire.io/v1\nkind: PolicyTest\n";

function problemsOf(text: string): readonly string[] {
  try {
    parseTestFile(text, "t.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof PolicyTestError)) throw error;
    return error.problems.map(describeProblem);
  }
}

test("parseTestFile reads all that a file may say", () => {
  const file = parseTestFile(
    `${HEAD}name: shop
nodes: 2
ipFamilies: IPv4
defaultNamespace: shop
namespaces:
  monitoring: {purpose: monitoring}
  empty:
pods:
  web: {labels: {app: web}, ports: {http: 8080, dns: 53/udp}, node: 2}
  other/db: {ports: [5432]}
  other/plain:
policies: [policies/, {kind: NetworkPolicy}]
expectations:
  - {from: [web, {pod: other/db}], to: {ip: "2001:db8::1"}, port: [443, 53/UDP], expect: deny, because: Isolation}
  - {from: "*/*", to: "[2001:db8::1]:http", protocol: UDP, expect: allow}
`,
    "dir/t.yaml",
  );
  const { pods, namespaces, references, inline, expectations, nodes, families, name } = file;
  assert.deepEqual({ nodes, families, name }, { nodes: 2, families: [4], name: "shop" });
  assert.deepEqual(namespaces, [
    { name: "monitoring", labels: { purpose: "monitoring", "kubernetes.io/metadata.name": "monitoring" } },
    { name: "empty", labels: { "kubernetes.io/metadata.name": "empty" } },
  ]);
  assert.deepEqual(
    pods.map(({ source, ...pod }) => ({ ...pod, line: source.line })),
    [
      {
        namespace: "shop",
        name: "web",
        labels: { app: "web" },
        ports: [
          { name: "http", port: 8080, protocol: "TCP" },
          { name: "dns", port: 53, protocol: "UDP" },
        ],
        node: 2,
        line: 11,
      },
      {
        namespace: "other",
        name: "db",
        labels: {},
        ports: [{ name: undefined, port: 5432, protocol: "TCP" }],
        node: undefined,
        line: 12,
      },
      { namespace: "other", name: "plain", labels: {}, ports: [], line: 13 },
    ],
  );
  assert.deepEqual(
    references.map(({ path }) => path),
    ["policies/"],
  );
  assert.equal(inline.length, 1);
  assert.deepEqual(
    expectations.map(({ source: _, ...one }) => one),
    [
      {
        from: [
          { kind: "pods", namespace: "shop", name: "web" },
          { kind: "pods", namespace: "other", name: "db" },
        ],
        to: [{ endpoint: { kind: "address", address: "2001:db8::1" } }],
        ports: [
          { port: 443, protocol: undefined },
          { port: 53, protocol: "UDP" },
        ],
        expect: "deny",
        because: "isolation",
        field: "expectations[0]",
      },
      {
        from: [{ kind: "pods", namespace: "*", name: "*" }],
        to: [{ endpoint: { kind: "address", address: "2001:db8::1" }, port: { port: "http", protocol: "UDP" } }],
        ports: [],
        expect: "allow",
        because: undefined,
        field: "expectations[1]",
      },
    ],
  );
});

const WRONG: readonly (readonly [title: string, text: string, problems: readonly string[]])[] = [
  ["an empty file", "", ['t.yaml:1: it is empty: a test starts with "apiVersion: podwire.io/v1"']],
  ["no version", "kind: PolicyTest\n", ['t.yaml:1:1: apiVersion: it is missing: write "apiVersion: podwire.io/v1"']],
  [
    "a later version",
    "apiVersion: podwire.io/v2\nkind: PolicyTest\n",
    ['t.yaml:1:13: apiVersion: must be podwire.io/v1, not "podwire.io/v2"'],
  ],
  ["a misspelt key", `${HEAD}pod: {}\n`, ['t.yaml:3:1: pod: unknown field; did you mean "pods"?']],
  [
    "a misspelt key of a pod",
    `${HEAD}pods:\n  a/b: {lables: {}}\n`,
    ['t.yaml:4:9: pods.a/b.lables: unknown field; did you mean "labels"?'],
  ],
  ["a key twice", `${HEAD}nodes: 1\nnodes: 2\n`, ["t.yaml:4:1: Map keys must be unique"]],
  [
    "a label that is no text",
    `${HEAD}pods:\n  a/b: {labels: {on: true}}\n`,
    ['t.yaml:4:22: pods.a/b.labels.on: must be text: write "true" in quotes'],
  ],
  ["too many nodes", `${HEAD}nodes: 21\n`, ["t.yaml:3:8: nodes: must be a number from 1 to 20, not 21"]],
  [
    "no port",
    `${HEAD}pods:\n  a/b: {ports: [70000]}\n`,
    ["t.yaml:4:17: pods.a/b.ports[0]: 70000 is no port: ports are 1 to 65535"],
  ],
  [
    "a protocol without ports",
    `${HEAD}pods:\n  a/b: {ports: [53/UPD]}\n`,
    ['t.yaml:4:17: pods.a/b.ports[0]: "UPD" is no protocol of ports: TCP, UDP, SCTP; did you mean "UDP"?'],
  ],
  [
    "an expectation without a verdict and a port at its source",
    `${HEAD}expectations:\n  - {from: "a/b:80", to: a/c:80}\n`,
    ['t.yaml:4:5: expectations[0]: "expect" is missing', "t.yaml:4:12: expectations[0].from: the port is one of `to`"],
  ],
  [
    "a verdict that is none",
    `${HEAD}expectations:\n  - {from: a/b, to: a/c:80, expect: alow}\n`,
    ['t.yaml:4:37: expectations[0].expect: must be allow or deny, not "alow"; did you mean "allow"?'],
  ],
  [
    "an endpoint that is none",
    `${HEAD}expectations:\n  - {from: A/b, to: a/c/d, expect: deny}\n`,
    [
      't.yaml:4:12: expectations[0].from: "A/b" is no pod (NAMESPACE/NAME) and no address',
      't.yaml:4:21: expectations[0].to: "a/c/d" is no pod (NAMESPACE/NAME) and no address',
    ],
  ],
  [
    "a reason that is none",
    `${HEAD}expectations:\n  - {from: a/b, to: a/c:80, expect: deny, because: web}\n`,
    [
      't.yaml:4:52: expectations[0].because: must be networkpolicy/NAMESPACE/NAME, clusternetworkpolicy/NAME or isolation, not "web"',
    ],
  ],
  [
    "two documents",
    `${HEAD}---\n${HEAD}`,
    ["t.yaml:4:1: a test file is one document; policies in several documents have files of their own"],
  ],
];

for (const [title, text, problems] of WRONG) {
  test(`parseTestFile names line, field and remedy of ${title}`, () => assert.deepEqual(problemsOf(text), problems));
}

test("the documented schema has the keys that the parser knows, and no others", () => {
  const schema = JSON.parse(readFileSync(new URL("../../../docs/policy-test.schema.json", import.meta.url), "utf8"));
  const keys = (part: { readonly properties: object }) => Object.keys(part.properties).sort();
  assert.deepEqual(keys(schema), [...FILE_KEYS].sort());
  assert.deepEqual(keys(schema.$defs.pod), [...POD_KEYS].sort());
  assert.deepEqual(keys(schema.$defs.expectation), [...EXPECTATION_KEYS].sort());
  assert.deepEqual(keys(schema.$defs.endpoint.oneOf[1]), [...ENDPOINT_KEYS].sort());
});
