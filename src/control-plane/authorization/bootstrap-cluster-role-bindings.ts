/** Who has which of the bootstrap roles. Source: as for the roles. */
import type { Subject } from "#api/kinds/rbac/binding.ts";
import type { ClusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { RBAC_GROUP } from "#api/kinds/rbac/policy-rule.ts";
import { MASTERS_GROUP } from "./union-authorizer.ts";

const AUTHENTICATED = "system:authenticated";
const UNAUTHENTICATED = "system:unauthenticated";

export const bootstrapClusterRoleBindings: readonly ClusterRoleBinding[] = [
  bind("cluster-admin", group(MASTERS_GROUP)),
  bind("system:discovery", group(AUTHENTICATED)),
  bind("system:basic-user", group(AUTHENTICATED)),
  bind("system:public-info-viewer", group(AUTHENTICATED), group(UNAUTHENTICATED)),
  bind("system:monitoring", group("system:monitoring")),
  // Nodes have the node authorizer; the binding is there for those who look for it.
  bind("system:node"),
  bind("system:node-proxier", user("system:kube-proxy")),
  bind("system:kube-scheduler", user("system:kube-scheduler")),
  bind("system:kube-controller-manager", user("system:kube-controller-manager")),
];

/** The binding is called like its role. */
function bind(role: string, ...subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: "ClusterRoleBinding",
    metadata: {
      name: role,
      labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
      annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
    },
    ...(subjects.length > 0 && { subjects }),
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: role },
  };
}

function group(name: string): Subject {
  return { kind: "Group", apiGroup: RBAC_GROUP, name };
}

function user(name: string): Subject {
  return { kind: "User", apiGroup: RBAC_GROUP, name };
}
