import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { checkEscalation, type RbacWrite } from "./check-escalation.ts";
import { rbacAuthorizer } from "./rbac-authorizer.ts";
import { createRbacIndex } from "./rbac-index.ts";
import { clusterRole, clusterRoleBinding, role, roleBinding, user, userSubject } from "./testing/rbac-objects.ts";

const RBAC = "rbac.authorization.k8s.io";
const readPods: PolicyRule = { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] };
const deletePods: PolicyRule = { verbs: ["delete"], apiGroups: [""], resources: ["pods"] };
const escalate = (name: string, ...names: string[]): PolicyRule => ({
  verbs: [name],
  apiGroups: [RBAC],
  resources: ["roles", "clusterroles"],
  resourceNames: names,
});

const index = createRbacIndex({
  roles: [role("default", "reader", readPods), role("default", "killer", deletePods)],
  clusterRoles: [
    clusterRole("all", { verbs: ["*"], apiGroups: ["*"], resources: ["*"] }, { verbs: ["*"], nonResourceURLs: ["*"] }),
    clusterRole("killers", deletePods),
    clusterRole("binds-killers", escalate("bind", "killers")),
    clusterRole("escalates-new", escalate("escalate")),
    clusterRole("escalates-x", escalate("escalate", "x")),
  ],
  roleBindings: [
    roleBinding("default", "jane", "Role", "reader", userSubject("jane"), userSubject("bob")),
    roleBinding("default", "bob", "Role", "gone", userSubject("bob")),
  ],
  clusterRoleBindings: [
    clusterRoleBinding("root", "all", userSubject("root")),
    clusterRoleBinding("binder", "binds-killers", userSubject("binder")),
    clusterRoleBinding("new", "escalates-new", userSubject("new")),
    clusterRoleBinding("x", "escalates-x", userSubject("x")),
  ],
});
const rbac = rbacAuthorizer(index);

/** Of each member of the union. */
type WithoutWriter<W> = W extends RbacWrite ? Omit<W, "user" | "name"> : never;

function check(who: string, more: WithoutWriter<RbacWrite>, groups: readonly string[] = []): string | undefined {
  const write = { user: user(who, ...groups), name: "x", ...more };
  return checkEscalation({ authorizer: rbac, rbac, index }, write)?.message;
}

const newRole = (...rules: readonly PolicyRule[]) =>
  ({ kind: "Role", namespace: "default", rules, isAggregated: false, isNew: true }) as const;
const newClusterRole = (isAggregated: boolean, ...rules: readonly PolicyRule[]) =>
  ({ kind: "ClusterRole", namespace: undefined, rules, isAggregated, isNew: true }) as const;
const binding = (kind: "Role" | "ClusterRole", name: string) =>
  ({ kind: "RoleBinding", namespace: "default", roleRef: { apiGroup: RBAC, kind, name } }) as const;

const grants = (who: string, groups: string, missing: string) =>
  `user "${who}" (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${missing}`;
const DELETE = '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}';

test("checkEscalation lets roles pass whose rules the writer holds", () => {
  assert.equal(check("jane", newRole(readPods)), undefined);
  assert.equal(check("jane", newRole({ ...readPods, verbs: ["get"], resourceNames: ["a"] })), undefined);
  assert.equal(check("jane", newRole()), undefined);
});

test("checkEscalation names the rules that the writer does not hold", () => {
  assert.equal(
    check("jane", newRole(readPods, deletePods), ["devs", "system:authenticated"]),
    `roles.${RBAC} "x" is forbidden: ${grants("jane", '["devs" "system:authenticated"]', DELETE)}`,
  );
  assert.equal(
    check("jane", { ...newRole({ ...readPods, verbs: ["watch", "delete"] }), namespace: "other" }),
    `roles.${RBAC} "x" is forbidden: ${grants("jane", "[]", '{APIGroups:[""], Resources:["pods"], Verbs:["watch" "delete"]}')}`,
  );
  assert.equal(
    check("jane", newClusterRole(false, readPods)),
    `clusterroles.${RBAC} "x" is forbidden: ${grants("jane", "[]", '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}')}`,
  );
});

test("checkEscalation tells of roles that it could not find", () => {
  assert.equal(
    check("bob", newRole(deletePods)),
    `roles.${RBAC} "x" is forbidden: ${grants("bob", "[]", `${DELETE}; resolution errors: [role.${RBAC} "gone" not found]`)}`,
  );
});

test("checkEscalation lets those pass who may escalate, by name only when the role exists", () => {
  assert.equal(check("new", newRole(deletePods)), undefined);
  assert.equal(check("x", { ...newRole(deletePods), isNew: false }), undefined);
  assert.match(check("x", newRole(deletePods)) ?? "", /not currently held/);
  assert.equal(check("root", newClusterRole(true, deletePods)), undefined);
  assert.equal(check("anybody", newRole(deletePods), ["system:masters"]), undefined);
});

test("checkEscalation leaves aggregationRule to those who may do everything", () => {
  assert.equal(
    check("jane", newClusterRole(true)),
    `clusterroles.${RBAC} "x" is forbidden: must have cluster-admin privileges to use the aggregationRule`,
  );
});

test("checkEscalation lets bindings pass whose role the writer holds or may bind", () => {
  assert.equal(check("jane", binding("Role", "reader")), undefined);
  assert.equal(check("binder", binding("ClusterRole", "killers")), undefined);
  assert.equal(
    check("binder", { ...binding("ClusterRole", "killers"), kind: "ClusterRoleBinding", namespace: undefined }),
    undefined,
  );
});

test("checkEscalation forbids bindings to roles that the writer does not hold", () => {
  assert.equal(
    check("jane", binding("Role", "killer")),
    `rolebindings.${RBAC} "x" is forbidden: ${grants("jane", "[]", DELETE)}`,
  );
  assert.equal(
    check("jane", { ...binding("ClusterRole", "killers"), kind: "ClusterRoleBinding", namespace: undefined }),
    `clusterrolebindings.${RBAC} "x" is forbidden: ${grants("jane", "[]", DELETE)}`,
  );
  assert.equal(check("jane", binding("Role", "gone")), `roles.${RBAC} "gone" not found`);
});
