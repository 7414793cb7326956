import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate } from "../testing/create-object.ts";
import { clusterRole } from "./cluster-role.ts";
import { role } from "./role.ts";

const good = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
const paths = { verbs: ["get"], nonResourceURLs: ["/healthz"] };
const shown = '["/healthz"]';

const rules: readonly (readonly [rule: JsonObject, forRole: readonly string[], forClusterRole: readonly string[]])[] = [
  [good, [], []],
  [{ ...good, resourceNames: ["a"] }, [], []],
  [
    paths,
    [`rules[0].nonResourceURLs: Invalid value: ${shown}: namespaced rules cannot apply to non-resource URLs`],
    [],
  ],
  [
    { ...good, ...paths },
    [
      `rules[0].nonResourceURLs: Invalid value: ${shown}: namespaced rules cannot apply to non-resource URLs`,
      `rules[0].nonResourceURLs: Invalid value: ${shown}: rules cannot apply to both regular resources and non-resource URLs`,
    ],
    [
      `rules[0].nonResourceURLs: Invalid value: ${shown}: rules cannot apply to both regular resources and non-resource URLs`,
    ],
  ],
  ...[
    [{ ...good, verbs: [] }, "rules[0].verbs: Required value: verbs must contain at least one value"] as const,
    [
      { verbs: ["get"], resources: ["pods"] },
      "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
    ] as const,
    [
      { verbs: ["get"], apiGroups: [""] },
      "rules[0].resources: Required value: resource rules must supply at least one resource",
    ] as const,
  ].map(([rule, problem]) => [rule, [problem], [problem]] as const),
];

for (const [rule, forRole, forClusterRole] of rules) {
  test(`role and clusterRole with the rule ${JSON.stringify(rule)}`, () => {
    assert.deepEqual(problemsOfCreate(role, { rules: [rule] }), forRole);
    assert.deepEqual(problemsOfCreate(clusterRole, { metadata: { namespace: "" }, rules: [rule] }), forClusterRole);
  });
}

test("role may be called anything that fits into a path", () => {
  const problems = (name: string) => problemsOfCreate(role, { metadata: { name } });
  assert.deepEqual(problems("system:Node Reader"), []);
  assert.deepEqual(problems("a/b"), ["metadata.name: Invalid value: \"a/b\": may not contain '/'"]);
  assert.deepEqual(problems(".."), ["metadata.name: Invalid value: \"..\": may not be '..'"]);
});

test("clusterRole with an aggregationRule needs selectors that make sense", () => {
  const problems = (clusterRoleSelectors: JsonObject[]) =>
    problemsOfCreate(clusterRole, { metadata: { namespace: "" }, aggregationRule: { clusterRoleSelectors } });
  const path = "aggregationRule.clusterRoleSelectors";
  assert.deepEqual(problems([]), [
    `${path}: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil`,
  ]);
  assert.deepEqual(problems([{ matchLabels: { a: "b" } }]), []);
  assert.deepEqual(problems([{ matchExpressions: [{ key: "a", operator: "In" }] }]), [
    `${path}[0].matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
  ]);
});

test("role shows when it was created", () => {
  assert.deepEqual(cellsOf(role, createObject(role, {})), { NAME: "web", "CREATED AT": "2024-05-01T11:00:00Z" });
});
