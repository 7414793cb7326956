import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { ruleAllows } from "./rule-allows.ts";
import { compactRules, describeRule, missingRules, smallestRules } from "./rules-cover.ts";
import { request, user } from "./testing/rbac-objects.ts";

const pods = (...verbs: string[]): PolicyRule => ({ verbs, apiGroups: [""], resources: ["pods"] });

const cases: readonly (readonly [what: string, held: PolicyRule[], wanted: PolicyRule[], missing: string[]])[] = [
  ["nothing is wanted", [], [], []],
  ["nothing is held", [], [pods("get")], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
  ["the same is held", [pods("get")], [pods("get")], []],
  ["it is held in two rules", [pods("get"), pods("list")], [pods("get", "list")], []],
  [
    "one verb is missing",
    [pods("get")],
    [pods("get", "list", "watch")],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}'],
  ],
  ["every verb is held", [pods("*")], [pods("get", "*")], []],
  ["every verb is wanted", [pods("get", "list")], [pods("*")], ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']],
  [
    "a name is held and all are wanted",
    [{ ...pods("get"), resourceNames: ["a"] }],
    [pods("get")],
    ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  ],
  ["all names are held", [pods("get")], [{ ...pods("get"), resourceNames: ["a", "b"] }], []],
  [
    "another name is wanted",
    [{ ...pods("get"), resourceNames: ["a"] }],
    [{ ...pods("get"), resourceNames: ["a", "b"] }],
    ['{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get"]}'],
  ],
  [
    "a subresource of all is held",
    [{ verbs: ["get"], apiGroups: ["apps"], resources: ["*/scale"] }],
    [{ verbs: ["get"], apiGroups: ["apps"], resources: ["deployments/scale", "deployments"] }],
    ['{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}'],
  ],
  [
    "paths below are held",
    [{ verbs: ["get"], nonResourceURLs: ["/apis/*"] }],
    [{ verbs: ["get"], nonResourceURLs: ["/apis/apps", "/apis/x/*", "/api"] }],
    ['{NonResourceURLs:["/api"], Verbs:["get"]}'],
  ],
  [
    "resources do not give paths",
    [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    [{ verbs: ["get"], nonResourceURLs: ["/x"] }],
    ['{NonResourceURLs:["/x"], Verbs:["get"]}'],
  ],
];

for (const [what, held, wanted, missing] of cases) {
  test(`missingRules when ${what}`, () => {
    assert.deepEqual(compactRules(missingRules(held, wanted)).map(describeRule), missing);
  });
}

const some = (...values: readonly string[]) => fc.subarray([...values], { minLength: 1 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some("get", "list", "*"),
    apiGroups: some("", "apps", "*"),
    resources: some("pods", "pods/log", "*/log", "*"),
    resourceNames: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, some("a", "b")),
  }),
  fc.record({ verbs: some("get", "post", "*"), nonResourceURLs: some("/x", "/x/*", "*") }),
);
const rules = fc.array(anyRule, { maxLength: 4 });

test("who holds all wanted rules is allowed whatever they allow", () => {
  const requests = ["get", "list", "post"].flatMap((verb) =>
    ["pods", "pods a", "pods c", "pods/log b", "apps/pods/", "apps/other/log", "/x", "/x/y", "/z"].map((target) =>
      request(user("jane"), `${verb} ${target}`, "default"),
    ),
  );
  let covered = 0;
  fc.assert(
    fc.property(rules, rules, (held, wanted) => {
      if (missingRules(held, wanted).length > 0) return;
      covered += wanted.length;
      for (const asked of requests) {
        if (!wanted.some((rule) => ruleAllows(rule, asked))) continue;
        assert(
          held.some((rule) => ruleAllows(rule, asked)),
          JSON.stringify(asked),
        );
      }
    }),
    { numRuns: 3000 },
  );
  assert(covered > 100, "hardly any rules were covered: the property says nothing");
});

test("every rule covers itself, and its smallest rules allow exactly what it allows", () => {
  fc.assert(
    fc.property(anyRule, (rule) => {
      assert.deepEqual(missingRules([rule], [rule]), []);
      assert.deepEqual(missingRules(smallestRules(rule), [rule]), []);
    }),
  );
});
