import assert from "node:assert/strict";
import { test } from "node:test";
import { diffTests, verifyingTest } from "./diff-tests.ts";
import { loadTestText } from "./file/load-test.ts";
import { formatMatrix } from "./format-matrix.ts";
import { createMatrix } from "./matrix.ts";

function world(policies: string, more = ""): ReturnType<typeof loadTestText> {
  return loadTestText(
    `apiVersion: podwire.io/v1
kind: PolicyTest
pods:
  a/web: {labels: {app: web}, ports: [80]}
  a/db: {labels: {app: db}, ports: {pg: 5432, log: 514/UDP}}
${more}
policies:
${policies}
expectations:
  - {from: 203.0.113.1, to: a/web, expect: allow}
`,
    "t",
  );
}

const policy = (spec: string, name = "db") =>
  `  - {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: ${name}, namespace: a}, spec: ${spec}}`;
const FROM_WEB =
  "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}";
const FROM_NOBODY = "{podSelector: {matchLabels: {app: db}}}";
const SIX_ONLY =
  '{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: "::/0"}}], ports: [{port: 5432}]}]}';

test("diffTests lists what changes, with who decides, and nothing where nothing does", () => {
  const { changes, pairs } = diffTests(world(policy(FROM_NOBODY)), world(policy(FROM_WEB)));
  assert.equal(pairs, 10); // two pods, the address that is named, and one of IPv6 for elsewhere
  assert.deepEqual(
    changes.map(({ title, was, now, because, families }) => ({ title, was, now, because, families })),
    [{ title: "a/web → a/db:5432", was: "deny", now: "allow", because: ["networkpolicy/a/db"], families: [4, 6] }],
  );
  assert.deepEqual(diffTests(world(policy(FROM_WEB)), world(policy(FROM_WEB))).changes, []);
});

test("diffTests tells families apart, compares all ports, and lists pods of one side", () => {
  const six = diffTests(world(policy(FROM_NOBODY)), world(policy(SIX_ONLY))).changes;
  assert.deepEqual(
    six.map(({ title, families }) => `${title} ${families}`),
    ["a/web → a/db:5432 6", "2001:db8:77::77 (in ::/0) → a/db:5432 6"],
  );
  const wide = FROM_WEB.replace("5432", "9000, endPort: 9100");
  const ranged = diffTests(world(policy(FROM_NOBODY)), world(policy(wide)));
  assert.deepEqual(
    ranged.changes.map(({ title }) => title),
    ["a/web → a/db:9000-9100"],
  );
  const more = diffTests(world(policy(FROM_NOBODY)), world(policy(FROM_NOBODY), "  a/new:"));
  assert.deepEqual([more.onlyOld, more.onlyNew, more.changes.length], [[], ["a/new"], 0]);
});

test("verifyingTest has each changed connection as a case of each side", () => {
  const [was, now] = [world(policy(FROM_NOBODY)), world(policy(FROM_WEB))];
  const { changes } = diffTests(was, now);
  assert.deepEqual(
    verifyingTest(was, changes, "was").cases.map(({ expect, families }) => ({ expect, families })),
    [{ expect: "deny", families: [4, 6] }],
  );
  assert.equal(verifyingTest(now, changes, "now").cases[0]?.expect, "allow");
});

test("createMatrix and formatMatrix show every source and target, and the families that differ", () => {
  assert.equal(
    formatMatrix(createMatrix(world(policy(SIX_ONLY), "  b/x:"))),
    `from         1 2 3 4
a/web          · ½ ✓
a/db         ✓     ✓
b/x          ✓ · ½
203.0.113.1  ✓ · · ✓

to:
  1  a/web:80
  2  a/db:514/UDP
  3  a/db:5432
  4  b/x:*

✓ allowed, · denied, ½ in one family only; * a port that nobody names
`,
  );
});
