/** Nobody gives away rights by RBAC that he does not have. Source: Kubernetes documentation, "Using RBAC Authorization". */
import { clusterRole } from "#api/kinds/rbac/cluster-role.ts";
import { clusterRoleBinding } from "#api/kinds/rbac/cluster-role-binding.ts";
import { RBAC_GROUP } from "#api/kinds/rbac/policy-rule.ts";
import { role } from "#api/kinds/rbac/role.ts";
import { roleBinding } from "#api/kinds/rbac/role-binding.ts";
import { jsonEqual } from "#api/schema/json-equal.ts";
import { checkEscalation, type EscalationDeps, type RbacWrite } from "../authorization/check-escalation.ts";
import { asJson, asKind } from "../resources/stored-object.ts";
import type { AdmissionRequest, AdmissionRule } from "./admission.ts";

export function rbacEscalation(deps: EscalationDeps): AdmissionRule {
  return {
    handles: ({ operation, kind, subresource }) =>
      operation !== "delete" && kind.group === RBAC_GROUP && subresource === "",
    admit(request) {
      const { object, old } = request;
      const write = old !== undefined && grantsSame(request) ? undefined : rbacWriteOf(request);
      const problem = write === undefined ? undefined : checkEscalation(deps, write);
      if (problem !== undefined) throw problem;
      return object;
    },
  };
}

const GRANTING = ["rules", "aggregationRule", "roleRef", "subjects"] as const;

/** Changes of metadata alone give nothing away. */
function grantsSame({ object, old }: AdmissionRequest): boolean {
  if (old === undefined) return false;
  const [after, before] = [asJson(object), asJson(old)];
  return GRANTING.every((name) => jsonEqual(after[name], before[name]));
}

function rbacWriteOf({ target, object, old, context }: AdmissionRequest): RbacWrite | undefined {
  const { user } = context;
  const { namespace } = target;
  const write = { user, namespace, name: object.metadata.name ?? "" };
  switch (object.kind) {
    case "Role": {
      const { rules = [] } = asKind(role, object);
      return { ...write, kind: "Role", rules, isAggregated: false, isNew: old === undefined };
    }
    case "ClusterRole": {
      const { rules = [], aggregationRule } = asKind(clusterRole, object);
      const isAggregated = aggregationRule !== undefined;
      return { ...write, kind: "ClusterRole", rules, isAggregated, isNew: old === undefined };
    }
    case "RoleBinding":
      return { ...write, kind: "RoleBinding", roleRef: asKind(roleBinding, object).roleRef };
    case "ClusterRoleBinding":
      return { ...write, kind: "ClusterRoleBinding", roleRef: asKind(clusterRoleBinding, object).roleRef };
    default:
      return undefined;
  }
}
