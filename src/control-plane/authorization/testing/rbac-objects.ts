/** Short ways to write roles, bindings and requests in tests. */
import type { Subject } from "#api/kinds/rbac/binding.ts";
import type { ClusterRole } from "#api/kinds/rbac/cluster-role.ts";
import type { ClusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import type { PolicyRule } from "#api/kinds/rbac/policy-rule.ts";
import { RBAC_GROUP } from "#api/kinds/rbac/policy-rule.ts";
import type { Role } from "#api/kinds/rbac/role.ts";
import type { RoleBinding } from "#api/kinds/rbac/role-binding.ts";
import type { UserInfo } from "../../resources/resource-api.ts";
import type { AuthorizationRequest } from "../authorizer.ts";

const apiVersion = `${RBAC_GROUP}/v1`;

export function role(namespace: string, name: string, ...rules: readonly PolicyRule[]): Role {
  return { apiVersion, kind: "Role", metadata: { namespace, name }, rules };
}

export function clusterRole(name: string, ...rules: readonly PolicyRule[]): ClusterRole {
  return { apiVersion, kind: "ClusterRole", metadata: { name }, rules };
}

export function roleBinding(
  namespace: string,
  name: string,
  roleKind: "Role" | "ClusterRole",
  roleName: string,
  ...subjects: readonly Subject[]
): RoleBinding {
  const roleRef = { apiGroup: RBAC_GROUP, kind: roleKind, name: roleName };
  return { apiVersion, kind: "RoleBinding", metadata: { namespace, name }, subjects, roleRef };
}

export function clusterRoleBinding(
  name: string,
  roleName: string,
  ...subjects: readonly Subject[]
): ClusterRoleBinding {
  const roleRef = { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: roleName };
  return { apiVersion, kind: "ClusterRoleBinding", metadata: { name }, subjects, roleRef };
}

export const userSubject = (name: string): Subject => ({ kind: "User", apiGroup: RBAC_GROUP, name });
export const groupSubject = (name: string): Subject => ({ kind: "Group", apiGroup: RBAC_GROUP, name });

export function user(name: string, ...groups: readonly string[]): UserInfo {
  return { name, groups };
}

/** "list pods", "get pods/log web", "get apps/deployments/", "get apps/deployments/scale web", "get /healthz". */
export function request(who: UserInfo, text: string, namespace?: string): AuthorizationRequest {
  const [verb = "", target = "", name] = text.split(" ");
  if (target.startsWith("/")) return { type: "path", user: who, verb, path: target };
  const parts = target.split("/");
  const [group, resource, subresource] = parts.length === 3 ? parts : ["", ...parts];
  return {
    type: "resource",
    user: who,
    verb,
    group: group ?? "",
    resource: resource ?? "",
    subresource: subresource ?? "",
    namespace,
    name,
  };
}
