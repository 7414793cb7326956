import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReports, TEST_FORMATS } from "./format-reports.ts";
import { type CaseResult, type PolicyTestReport, reportStatus } from "./policy-test-report.ts";

const pod = (name: string) => ({ kind: "pod", namespace: "shop", name }) as const;
const base = {
  from: pod("web"),
  to: pod("db"),
  protocol: "TCP",
  source: { file: "t.yaml", line: 7, column: 5 },
} as const;
const allowed: CaseResult = {
  case: { ...base, port: 5432, expect: "allow" },
  title: "shop/web → shop/db:5432",
  status: "passed",
  families: [
    { family: 4, status: "passed", observed: "allow", model: "allow", explanation: ["egress …: allowed"], proofs: [] },
  ],
};
const failure = {
  status: "failed",
  observed: "deny",
  model: "deny",
  explanation: ["ingress of shop/db: denied: <isolated> by networkpolicy/shop/db"],
  proofs: [
    {
      node: "node-2",
      place: "inet podwire-policy ingress/shop/db handle 9",
      rule: "counter packets 1 drop",
      reason: "isolation",
      packets: 1,
      verdict: "drop",
    },
  ],
  control: "answered",
  problem: 'expected allow, but "it" is 100% dropped',
  change: ["add to networkpolicy/shop/db:", "  - podSelector: {}"],
} as const;
const failed: CaseResult = {
  case: { ...base, port: 80, expect: "allow" },
  title: "shop/web → shop/db:80",
  status: "failed",
  families: [
    { family: 4, ...failure },
    { family: 6, ...failure },
  ],
};
const unproven: CaseResult = {
  case: { ...base, port: 81, expect: "deny" },
  title: "shop/web → shop/db:81",
  status: "inconclusive",
  families: [
    {
      ...failure,
      family: 4,
      status: "inconclusive",
      control: "not answered",
      problem: "no control",
      change: undefined,
    },
  ],
};

function report(...cases: readonly CaseResult[]): PolicyTestReport {
  const world = { nodes: 3, pods: 2, policies: 1, phases: {}, durationMs: 120 };
  return { name: "shop", file: "t.yaml", ...world, cases, notes: ["skipped 1 Service"] };
}

test("reportStatus: a failure counts more than what is not proven, and no case proves nothing", () => {
  assert.equal(reportStatus([report(allowed)]), "passed");
  assert.equal(reportStatus([report(allowed), report(unproven)]), "inconclusive");
  assert.equal(reportStatus([report(unproven), report(failed)]), "failed");
  assert.equal(reportStatus([report()]), "inconclusive");
  assert.equal(reportStatus([]), "inconclusive");
});

test("formatReports table explains what did not pass, families together", () => {
  assert.equal(
    formatReports([report(allowed, failed)], "table"),
    `✓ shop/web → shop/db:5432  allow  answered
✗ shop/web → shop/db:80    allow  dropped by isolation on node-2
    IPv4 and IPv6: expected allow, but "it" is 100% dropped
      model:   ingress of shop/db: denied: <isolated> by networkpolicy/shop/db
      kernel:  drop on node-2 in inet podwire-policy ingress/shop/db handle 9
                 counter packets 1 drop
      control: answered without policies
      change:  add to networkpolicy/shop/db:
                 - podSelector: {}
    expected at t.yaml:7

note: skipped 1 Service
shop: 2 cases, 1 failed, 1 passed on 3 nodes, 2 pods, 1 policy in 120 ms: failed
`,
  );
  assert.match(formatReports([report(allowed)], "table", { verbose: true }), /IPv4: as expected\n {6}model: {3}egress/);
});

test("formatReports json has a version, a status and each case's place", () => {
  const json = JSON.parse(formatReports([report(failed)], "json"));
  assert.deepEqual([json.version, json.status, json.tests[0].status], [1, "failed", "failed"]);
  const [one] = json.tests[0].cases;
  assert.deepEqual(
    [one.source, one.expect, one.port, one.families[0].proofs[0].reason],
    ["t.yaml:7", "allow", 80, "isolation"],
  );
});

test("formatReports junit tells failures from errors and escapes", () => {
  const xml = formatReports([report(allowed, failed, unproven)], "junit");
  assert.match(xml, /<testsuite name="shop" tests="3" failures="1" errors="1" time="0.12">/);
  assert.match(xml, /<testcase classname="shop" name="shop\/web → shop\/db:5432: allow" file="t.yaml" line="7"\/>/);
  assert.match(xml, /<failure message="expected allow, but &quot;it&quot; is 100% dropped">IPv4 and IPv6/);
  assert.match(xml, /&lt;isolated&gt;/);
  assert.match(xml, /<error message="no control">/);
});

test("formatReports tap numbers all cases of all tests", () => {
  const lines = formatReports([report(allowed), report(failed)], "tap").split("\n");
  assert.deepEqual(lines.slice(0, 6), [
    "TAP version 14",
    "1..2",
    "ok 1 - shop/web → shop/db:5432: allow",
    "not ok 2 - shop/web → shop/db:80: allow",
    "  ---",
    '  message: "expected allow, but \\"it\\" is 100% dropped"',
  ]);
  assert.equal(lines.at(-2), "  ...");
});

test("formatReports github annotates the line of the expectation, on one line", () => {
  const lines = formatReports([report(allowed, failed, unproven)], "github").split("\n");
  assert.match(
    lines[0] ?? "",
    /^::error file=t\.yaml,line=7,col=5,title=shop\/web → shop\/db%3A80%3A expected allow::expected allow, but "it" is 100%25 dropped%0AIPv4 and IPv6/,
  );
  assert.match(lines[1] ?? "", /^::warning file=t\.yaml,line=7/);
  assert.equal(lines[2], "::notice::skipped 1 Service");
});

test("formatReports has a form for every format", () => {
  for (const format of TEST_FORMATS) assert.notEqual(formatReports([report(allowed)], format), "");
});
