import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { rbacAuthorizer } from "./rbac-authorizer.ts";
import { createRbacIndex, type RbacSnapshot } from "./rbac-index.ts";
import {
  clusterRole,
  clusterRoleBinding,
  groupSubject,
  request,
  role,
  roleBinding,
  user,
  userSubject,
} from "./testing/rbac-objects.ts";

const readPods: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const readNodes: PolicyRule = { verbs: ["get"], apiGroups: [""], resources: ["nodes"] };
const health: PolicyRule = { verbs: ["get"], nonResourceURLs: ["/healthz"] };

const snapshot: RbacSnapshot = {
  roles: [role("default", "pod-reader", readPods), role("other", "pod-reader", readNodes)],
  clusterRoles: [clusterRole("node-reader", readNodes), clusterRole("health", health), clusterRole("pods", readPods)],
  roleBindings: [
    roleBinding("default", "jane-reads", "Role", "pod-reader", userSubject("jane"), groupSubject("testers")),
    roleBinding("default", "builder", "ClusterRole", "pods", { kind: "ServiceAccount", name: "builder" }),
    roleBinding("default", "far", "ClusterRole", "pods", { kind: "ServiceAccount", name: "far", namespace: "ci" }),
    roleBinding("default", "wide", "ClusterRole", "node-reader", userSubject("jane")),
    roleBinding("default", "broken", "Role", "gone", userSubject("bob")),
    roleBinding("default", "odd", "Role", "pod-reader", { kind: "Robot", name: "jane2" }),
  ],
  clusterRoleBindings: [
    clusterRoleBinding("nodes", "node-reader", groupSubject("operators")),
    clusterRoleBinding("health", "health", groupSubject("system:unauthenticated")),
    clusterRoleBinding("broken", "gone", userSubject("bob")),
    clusterRoleBinding("all-pods", "pods", { kind: "ServiceAccount", name: "watcher", namespace: "kube-system" }),
    clusterRoleBinding("nobody", "pods", { kind: "ServiceAccount", name: "lost" }),
  ],
};

const by = (text: string) => `RBAC: allowed by ${text}`;
const janeReads = 'RoleBinding "jane-reads/default" of Role "pod-reader"';
const missingRole =
  'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "gone" not found]';

const cases: readonly (readonly [
  who: ReturnType<typeof user>,
  text: string,
  namespace: string | undefined,
  isAllowed: boolean,
  reason: string,
])[] = [
  [user("jane"), "list pods", "default", true, by(`${janeReads} to User "jane"`)],
  [user("jane"), "list pods", "other", false, ""],
  [user("jane"), "list pods", undefined, false, ""],
  [user("jane"), "delete pods web", "default", false, ""],
  [user("tim", "testers"), "get pods web", "default", true, by(`${janeReads} to Group "testers"`)],
  [user("testers"), "get pods web", "default", false, ""],
  [user("x", "jane"), "get pods web", "default", false, ""],
  [
    user("system:serviceaccount:default:builder"),
    "get pods",
    "default",
    true,
    by('RoleBinding "builder/default" of ClusterRole "pods" to ServiceAccount "builder/default"'),
  ],
  [user("system:serviceaccount:other:builder"), "get pods", "default", false, ""],
  [
    user("system:serviceaccount:ci:far"),
    "get pods",
    "default",
    true,
    by('RoleBinding "far/default" of ClusterRole "pods" to ServiceAccount "far/ci"'),
  ],
  [
    user("system:serviceaccount:kube-system:watcher"),
    "list pods",
    undefined,
    true,
    by('ClusterRoleBinding "all-pods" of ClusterRole "pods" to ServiceAccount "watcher/kube-system"'),
  ],
  [user("system:serviceaccount::lost"), "list pods", undefined, false, ""],
  [user("jane"), "get nodes n1", undefined, false, ""],
  [
    user("jane"),
    "get nodes n1",
    "default",
    true,
    by('RoleBinding "wide/default" of ClusterRole "node-reader" to User "jane"'),
  ],
  [
    user("ann", "operators"),
    "get nodes n1",
    undefined,
    true,
    by('ClusterRoleBinding "nodes" of ClusterRole "node-reader" to Group "operators"'),
  ],
  [
    user("system:anonymous", "system:unauthenticated"),
    "get /healthz",
    undefined,
    true,
    by('ClusterRoleBinding "health" of ClusterRole "health" to Group "system:unauthenticated"'),
  ],
  [user("system:anonymous", "system:unauthenticated"), "get /metrics", undefined, false, ""],
  [user("bob"), "get pods", "default", false, missingRole],
  [user("bob"), "get pods", undefined, false, 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'],
  [user("jane2"), "get pods", "default", false, ""],
];

for (const [who, text, namespace, isAllowed, reason] of cases) {
  const where = namespace === undefined ? "in the cluster" : `in ${namespace}`;
  test(`rbacAuthorizer ${isAllowed ? "allows" : "denies"} ${who.name} to ${text} ${where}`, () => {
    const decision = rbacAuthorizer(createRbacIndex(snapshot)).authorize(request(who, text, namespace));
    assert.deepEqual(decision, { isAllowed, reason });
  });
}

test("rulesFor gives the rules of the cluster and of the namespace, and names missing roles", () => {
  const authorizer = rbacAuthorizer(createRbacIndex(snapshot));
  assert.deepEqual(authorizer.rulesFor(user("jane"), "default"), {
    rules: [readPods, readNodes],
    isIncomplete: false,
    errors: [],
  });
  assert.deepEqual(authorizer.rulesFor(user("bob"), undefined).errors, [
    'clusterrole.rbac.authorization.k8s.io "gone" not found',
  ]);
});

test("RbacIndex follows changes of roles and bindings", () => {
  const index = createRbacIndex(snapshot);
  const allows = (who: string, text: string) =>
    rbacAuthorizer(index).authorize(request(user(who), text, "default")).isAllowed;
  index.roles.put(role("default", "pod-reader", readNodes));
  assert.deepEqual([allows("jane", "get pods"), allows("jane", "get nodes")], [false, true]);
  index.roleBindings.put(roleBinding("default", "jane-reads", "ClusterRole", "pods", userSubject("eve")));
  assert.deepEqual([allows("eve", "get pods"), allows("jane", "get pods")], [true, false]);
  index.roleBindings.remove(roleBinding("default", "jane-reads", "ClusterRole", "pods"));
  assert.equal(allows("eve", "get pods"), false);
  index.clusterRoleBindings.put(clusterRoleBinding("nodes", "pods", userSubject("eve")));
  assert.equal(allows("eve", "get pods"), true);
  index.clusterRoles.remove(clusterRole("pods"));
  assert.equal(allows("eve", "get pods"), false);
});

const VERBS = ["get", "list", "delete", "*"];
const GROUPS = ["", "apps", "*"];
const RESOURCES = ["pods", "pods/log", "deployments", "*/log", "*"];
const NAMES = ["a", "b"];
const PATHS = ["/healthz", "/apis/*", "*", "/apis/apps"];
const some = (values: readonly string[]) => fc.subarray([...values], { minLength: 1 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record({
    verbs: some(VERBS),
    apiGroups: some(GROUPS),
    resources: some(RESOURCES),
    resourceNames: fc.subarray(NAMES),
  }),
  fc.record({ verbs: some(VERBS), nonResourceURLs: some(PATHS) }),
);
const anyRequest = fc
  .oneof(
    fc.tuple(
      fc.constantFrom("get", "list", "delete", "create"),
      fc.constantFrom("pods", "pods/log", "apps/deployments/", "apps/deployments/log"),
      fc.constantFrom("", " a", " c"),
    ),
    fc.tuple(fc.constantFrom("get", "post"), fc.constantFrom("/healthz", "/apis/apps", "/x"), fc.constant("")),
  )
  .map(([verb, target, name]) => `${verb} ${target}${name}`);

test("a subset of rules never allows more", () => {
  const jane = user("jane");
  const authorizer = (rules: readonly PolicyRule[]) =>
    rbacAuthorizer(
      createRbacIndex({
        clusterRoles: [clusterRole("r", ...rules)],
        clusterRoleBindings: [clusterRoleBinding("b", "r", userSubject("jane"))],
      }),
    );
  const rulesAndPart = fc
    .array(anyRule, { maxLength: 5 })
    .chain((rules) => fc.tuple(fc.constant(rules), fc.subarray(rules)));
  let decisions = 0;
  fc.assert(
    fc.property(rulesAndPart, fc.array(anyRequest, { maxLength: 8 }), ([rules, part], requests) => {
      for (const text of requests) {
        const asked = request(jane, text, "default");
        if (!authorizer(part).authorize(asked).isAllowed) continue;
        decisions += 1;
        assert.equal(authorizer(rules).authorize(asked).isAllowed, true);
      }
    }),
    { numRuns: 500 },
  );
  assert(decisions > 50, "hardly anything was allowed: the property says nothing");
});

test("RbacIndex fed by any changes equals one made of what is left", () => {
  const subjects = [userSubject("u"), groupSubject("g"), { kind: "ServiceAccount", name: "s" }];
  const change = fc.record({
    name: fc.constantFrom("x", "y"),
    namespace: fc.constantFrom("n1", "n2"),
    what: fc.constantFrom("role", "binding", "clusterRole", "clusterBinding"),
    rule: anyRule,
    subjects: fc.subarray(subjects),
    refersTo: fc.constantFrom("Role" as const, "ClusterRole" as const),
    isRemoved: fc.boolean(),
  });
  const users = [user("u"), user("v", "g"), user("system:serviceaccount:n1:s", "g")];
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const fed = createRbacIndex();
      const left = { role: new Map(), binding: new Map(), clusterRole: new Map(), clusterBinding: new Map() };
      for (const { name, namespace, what, rule, subjects: bound, refersTo, isRemoved } of changes) {
        const [sink, object] = {
          role: [fed.roles, role(namespace, name, rule)] as const,
          binding: [fed.roleBindings, roleBinding(namespace, name, refersTo, name, ...bound)] as const,
          clusterRole: [fed.clusterRoles, clusterRole(name, rule)] as const,
          clusterBinding: [fed.clusterRoleBindings, clusterRoleBinding(name, name, ...bound)] as const,
        }[what];
        const key = `${object.metadata.namespace ?? ""}/${name}`;
        // The tuple above pairs each sink with its own kind of object.
        if (isRemoved) sink.remove(object as never);
        else sink.put(object as never);
        if (isRemoved) left[what].delete(key);
        else left[what].set(key, object);
      }
      const fresh = createRbacIndex({
        roles: [...left.role.values()],
        clusterRoles: [...left.clusterRole.values()],
        roleBindings: [...left.binding.values()],
        clusterRoleBindings: [...left.clusterBinding.values()],
      });
      const grants = (index: typeof fed) =>
        users.flatMap((who) =>
          ["", "n1", "n2"].map((namespace) =>
            [...index.grants(who, namespace)].map((grant) => JSON.stringify(grant)).sort(),
          ),
        );
      assert.deepEqual(grants(fed), grants(fresh));
    }),
    { numRuns: 300 },
  );
});
