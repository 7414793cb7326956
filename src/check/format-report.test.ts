import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckReport, CheckResult } from "./check-network.ts";
import { formatReport, REPORT_FORMATS, verdictOf } from "./format-report.ts";

const passed: CheckResult = {
  name: "leaks",
  title: "no leaks",
  family: undefined,
  status: "passed",
  count: 3,
  failed: 0,
  failures: [],
};
const failed: CheckResult = {
  name: "pod-to-pod-other-node",
  title: "pods reach pods",
  family: 4,
  status: "failed",
  count: 24,
  failed: 8,
  failures: [
    {
      message: "a → b udp: it did not arrive",
      hop: "node1 flannel.1",
      evidence: ['bridge fdb: <wrong> & "quoted"', "second line"],
      diagnosis: {
        cause: "wrong FDB entry",
        hop: "node1 flannel.1",
        message: "it leads to <node3>",
        evidence: [],
        way: "question",
      },
    },
  ],
};
const report: CheckReport = { cluster: "c", nodes: 2, pods: 4, probes: 24, durationMs: 120, checks: [passed, failed] };

test("formatReport as a table names cause, hop and evidence, and how many more failed", () => {
  const text = formatReport(report, "table");
  assert.match(text, /^✓ no leaks {16}3\n✗ pods reach pods \(IPv4\) {2}8 of 24 failed\n/);
  assert.match(text, /cause: {4}wrong FDB entry at node1 flannel\.1, on the way of the question/);
  assert.match(text, /evidence: bridge fdb: <wrong> & "quoted"\n {14}second line\n {2}and 7 more\n/);
  assert.match(text, /cluster c: 2 nodes, 4 pods, 24 packets in 120 ms: failed\n$/);
});

test("formatReport as JSON has a version and a verdict", () => {
  const value = JSON.parse(formatReport(report, "json"));
  assert.deepEqual([value.version, value.verdict, value.checks.length], [1, "failed", 2]);
});

test("formatReport as JUnit escapes what XML has for itself", () => {
  const text = formatReport(report, "junit");
  assert.match(text, /tests="2" failures="1" errors="0" skipped="0"/);
  assert.match(text, /<failure message="it leads to &lt;node3&gt;">/);
  assert.match(text, /&lt;wrong&gt; &amp; &quot;quoted&quot;/);
  assert.doesNotMatch(text.replaceAll(/<\/?[a-z?][^<>]*>/g, ""), /[<>]/);
});

test("formatReport names pods that were left out, with the reason, and does not count them as failed", () => {
  const skippedPods = Array.from({ length: 12 }, (_, index) => ({ pod: `default/p${index}`, reason: "being deleted" }));
  const left: CheckReport = { ...report, checks: [passed], skippedPods };
  const text = formatReport(left, "table");
  assert.match(text, /^- pod default\/p0: skipped: being deleted$/m);
  assert.match(text, /p9: skipped: being deleted\n- and 2 more pods\n/);
  assert.match(text, /: passed\n$/);
  assert.match(formatReport(left, "junit"), /tests="13" failures="0" errors="0" skipped="12"/);
  assert.match(formatReport(left, "junit"), /name="pod default\/p11"><skipped message="being deleted"\/><\/testcase>/);
  assert.deepEqual(JSON.parse(formatReport(left, "json")).skippedPods, skippedPods);
});

test("formatReport takes every format", () => {
  for (const format of REPORT_FORMATS) assert.ok(formatReport(report, format).endsWith("\n"));
});

test("verdictOf: a failure counts more than a failed control, and no packet proves nothing", () => {
  const inconclusive: CheckResult = { ...passed, status: "inconclusive" };
  assert.equal(verdictOf({ ...report, checks: [passed] }), "passed");
  assert.equal(verdictOf({ ...report, checks: [passed, inconclusive] }), "inconclusive");
  assert.equal(verdictOf({ ...report, checks: [inconclusive, failed] }), "failed");
  assert.equal(verdictOf({ ...report, checks: [passed], probes: 0 }), "inconclusive");
});
