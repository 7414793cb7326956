import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "../testing/create-object.ts";
import { clusterRoleBinding } from "./cluster-role-binding.ts";
import { roleBinding } from "./role-binding.ts";

const GROUP = "rbac.authorization.k8s.io";
const roleRef = { kind: "Role", name: "reader" };
const clusterRef = { kind: "ClusterRole", name: "reader" };

test("roleBinding fills in the API groups", () => {
  const subjects = [
    { kind: "User", name: "jane" },
    { kind: "Group", name: "devs" },
    { kind: "ServiceAccount", name: "builder" },
  ];
  const stored = createObject(roleBinding, { roleRef, subjects });
  assert.deepEqual(stored.roleRef, { apiGroup: GROUP, ...roleRef });
  assert.deepEqual(stored.subjects, [
    { kind: "User", apiGroup: GROUP, name: "jane" },
    { kind: "Group", apiGroup: GROUP, name: "devs" },
    { kind: "ServiceAccount", name: "builder" },
  ]);
});

const group = `supported values: "${GROUP}"`;
const cases: readonly (readonly [what: string, members: JsonObject, problems: readonly string[]])[] = [
  ["a Role", { roleRef }, []],
  ["a ClusterRole", { roleRef: clusterRef }, []],
  [
    "no role",
    {},
    ['roleRef.kind: Unsupported value: "": supported values: "ClusterRole", "Role"', "roleRef.name: Required value"],
  ],
  [
    "something else",
    { roleRef: { apiGroup: "apps", kind: "Deployment", name: "a/b" } },
    [
      `roleRef.apiGroup: Unsupported value: "apps": ${group}`,
      'roleRef.kind: Unsupported value: "Deployment": supported values: "ClusterRole", "Role"',
      "roleRef.name: Invalid value: \"a/b\": may not contain '/'",
    ],
  ],
  [
    "a nameless user",
    { roleRef, subjects: [{ kind: "User" }] },
    ["subjects[0].name: Required value", 'subjects[0].name: Invalid value: "": user name cannot be empty'],
  ],
  [
    "a user of another API group",
    { roleRef, subjects: [{ kind: "User", name: "a", apiGroup: "x" }] },
    [`subjects[0].apiGroup: Unsupported value: "x": ${group}`],
  ],
  [
    "a service account with an API group",
    { roleRef, subjects: [{ kind: "ServiceAccount", name: "a", apiGroup: "x" }] },
    ['subjects[0].apiGroup: Unsupported value: "x": supported values: ""'],
  ],
  [
    "a robot",
    { roleRef, subjects: [{ kind: "Robot", name: "a" }] },
    ['subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"'],
  ],
];

for (const [what, members, problems] of cases) {
  test(`roleBinding of ${what}`, () => {
    assert.deepEqual(problemsOfCreate(roleBinding, members), problems);
  });
}

test("clusterRoleBinding only binds cluster roles, and needs the namespaces of service accounts", () => {
  const problems = (members: JsonObject) =>
    problemsOfCreate(clusterRoleBinding, { metadata: { namespace: "" }, ...members });
  assert.deepEqual(problems({ roleRef }), ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"']);
  const account = { kind: "ServiceAccount", name: "a" };
  assert.deepEqual(problems({ roleRef: clusterRef, subjects: [account] }), ["subjects[0].namespace: Required value"]);
  assert.deepEqual(problems({ roleRef: clusterRef, subjects: [{ ...account, namespace: "b" }] }), []);
});

test("a binding's role cannot change", () => {
  const old = createObject(roleBinding, { roleRef });
  assert.deepEqual(problemsOfUpdate(roleBinding, old, { roleRef: clusterRef }), [
    `roleRef: Invalid value: rbac.RoleRef{APIGroup:"${GROUP}", Kind:"ClusterRole", Name:"reader"}: cannot change roleRef`,
  ]);
  assert.deepEqual(problemsOfUpdate(roleBinding, old, { subjects: [{ kind: "User", name: "a" }] }), []);
});

test("bindings show their role and subjects", () => {
  const subjects = [
    { kind: "User", name: "jane" },
    { kind: "User", name: "joe" },
    { kind: "Group", name: "devs" },
    { kind: "ServiceAccount", name: "builder", namespace: "ci" },
  ];
  assert.deepEqual(cellsOf(roleBinding, createObject(roleBinding, { roleRef, subjects })), {
    NAME: "web",
    ROLE: "Role/reader",
    AGE: "60m",
    USERS: "jane, joe",
    GROUPS: "devs",
    SERVICEACCOUNTS: "ci/builder",
  });
});
