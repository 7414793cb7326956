import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { requireRoot } from "#kernel/testing/with-netns.ts";
import { policyTest } from "./define-test.ts";
import { loadTest } from "./file/load-test.ts";
import { matrixFlows } from "./matrix.ts";
import { createTestModel } from "./model/test-world.ts";
import type { PolicyTest } from "./policy-test.ts";
import type { PolicyTestReport } from "./report/policy-test-report.ts";
import { runPolicyTest } from "./run-policy-test.ts";
import { planSandbox } from "./sandbox/plan-sandbox.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/policies/shop.test.yaml", import.meta.url));
const LINKS = "/proc/net/dev";

function run(one: PolicyTest): Promise<PolicyTestReport> {
  return runPolicyTest(one, { signal: AbortSignal.timeout(60_000) });
}

/** Titles of the cases that did not pass, with what was said of them. */
function notPassed({ cases }: PolicyTestReport): readonly string[] {
  return cases.flatMap(({ title, status, families }) =>
    status === "passed"
      ? []
      : families.flatMap(({ family, problem }) => `${title} IPv${family}: ${status}: ${problem}`),
  );
}

test(
  "runPolicyTest proves every expectation of the example, and leaves nothing in its own namespace",
  requireRoot,
  async () => {
    const before = readFileSync(LINKS, "utf8").split("\n").length;
    const report = await run(loadTest(EXAMPLE));
    assert.deepEqual(notPassed(report), []);
    assert.ok(report.cases.length >= 39, String(report.cases.length));
    for (const { title, case: one, families } of report.cases) {
      const outside = [one.from, one.to].some((end) => end.kind === "address");
      assert.equal(families.length, outside ? 1 : 2, title);
      for (const { observed, control, proofs } of families) {
        assert.equal(observed, one.expect, title);
        if (one.expect === "allow") continue;
        assert.equal(control, "answered", title);
        assert.deepEqual(
          proofs.map(({ verdict, reason }) => ({ verdict, reason })),
          [{ verdict: "drop", reason: "isolation" }],
          title,
        );
      }
    }
    assert.equal(readFileSync(LINKS, "utf8").split("\n").length, before);
  },
);

test(
  "runPolicyTest names the rule, the kernel's rule and the change when a policy is broken",
  requireRoot,
  async () => {
    const example = loadTest(EXAMPLE);
    const policies = example.policies.map((one) => {
      if (one.policy.kind !== "NetworkPolicy" || one.policy.id !== "networkpolicy/shop/db") return one;
      const { object } = one.policy;
      const ingress = [{ from: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "web" } } }] }];
      return { ...one, policy: { ...one.policy, object: { ...object, spec: { ...object.spec, ingress } } } };
    });
    const report = await run({ ...example, policies });
    const broken = report.cases.filter(({ status }) => status !== "passed");
    assert.deepEqual(
      broken.map(({ title, status }) => `${title} ${status}`),
      ["shop/api → shop/db:5432 failed"],
    );
    for (const { problem, explanation, proofs, control, change } of broken[0]?.families ?? []) {
      assert.equal(problem, "expected allow, but the kernel drops it");
      assert.match(explanation.join("\n"), /ingress of shop\/db: denied: isolated by .*networkpolicy\/shop\/db/);
      assert.match(
        explanation.join("\n"),
        /nearest: rule networkpolicy\/shop\/db ingress 0 allows everything from .*; but pod shop\/api has app.kubernetes.io\/name=api \(wanted: app.kubernetes.io\/name=web\)/,
      );
      assert.match(proofs[0]?.place ?? "", /^inet podwire-policy ingress\/shop\/db handle \d+$/);
      assert.ok((proofs[0]?.packets ?? 0) > 0);
      assert.equal(control, "answered");
      assert.equal(change?.[0], "add to networkpolicy/shop/db, spec.ingress[0].from:");
    }
  },
);

test(
  "runPolicyTest agrees with the model about every connection of the example, in TCP, UDP and SCTP",
  requireRoot,
  async () => {
    const example = loadTest(EXAMPLE);
    const model = createTestModel(example, example.policies, planSandbox(example));
    const source = { file: "matrix", line: 1 };
    const cases = matrixFlows(example).flatMap((flow) =>
      (["TCP", "UDP", "SCTP"] as const).flatMap((protocol) =>
        example.families.flatMap((family) => {
          const one = { ...flow, protocol };
          const verdict = model.verdict(one, family);
          if (verdict === undefined) return [];
          return [
            { ...one, families: [family], expect: verdict.allowed ? ("allow" as const) : ("deny" as const), source },
          ];
        }),
      ),
    );
    assert.ok(cases.length > 300, String(cases.length));
    assert.deepEqual(notPassed(await run({ ...example, cases })), []);
  },
);

test("policyTest runs a definition, with policies of every kind of verdict", requireRoot, async () => {
  const subject = { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: "db" } } } };
  const from = (app: string) => [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app } } } }];
  const report = await policyTest({
    nodes: 2,
    pods: {
      "a/db": { labels: { app: "db" }, ports: { pg: 5432, log: "514/UDP", sig: "2905/SCTP" }, node: 1 },
      "a/same": { labels: { app: "web" }, node: 1 },
      "a/far": { labels: { app: "web" }, node: 2 },
      "b/evil": { labels: { app: "evil" } },
    },
    policies: [
      {
        apiVersion: "policy.networking.k8s.io/v1alpha2",
        kind: "ClusterNetworkPolicy",
        metadata: { name: "no-evil" },
        spec: {
          tier: "Admin",
          priority: 10,
          subject,
          ingress: [{ name: "evil", action: "Deny", from: from("evil") }],
        },
      },
    ],
    expectations: [
      { from: ["a/same", "a/far"], to: "a/db", expect: "allow" },
      { from: "b/evil", to: "a/db", expect: "deny", because: "clusternetworkpolicy/no-evil" },
      { from: "198.51.100.7", to: "a/db", expect: "allow" },
    ],
  });
  assert.deepEqual(notPassed(report), []);
  assert.equal(report.cases.length, 12);
});

test("runPolicyTest fails a deny for another reason than the expected one", requireRoot, async () => {
  const deny = { kind: "NetworkPolicy", apiVersion: "networking.k8s.io/v1", spec: { podSelector: {} } };
  const report = await policyTest({
    pods: { "a/one": { ports: [80] }, "a/two": {} },
    policies: [
      { ...deny, metadata: { name: "first", namespace: "a" } },
      { ...deny, metadata: { name: "other", namespace: "b" } },
    ],
    expectations: [{ from: "a/two", to: "a/one", expect: "deny", because: "networkpolicy/b/other" }],
  });
  assert.deepEqual(notPassed(report), [
    "a/two → a/one:80 IPv4: failed: denied because of isolation, networkpolicy/a/first, not of networkpolicy/b/other",
    "a/two → a/one:80 IPv6: failed: denied because of isolation, networkpolicy/a/first, not of networkpolicy/b/other",
  ]);
});
