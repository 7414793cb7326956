/** Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 ClusterRole; documentation, "Aggregated ClusterRoles". */
import { nameColumn } from "../../columns.ts";
import { type FieldError, indexPath, required } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { labelSelector } from "../../meta/label-selector.ts";
import { field, list, object } from "../../schema/schema.ts";
import { validateLabelSelector } from "../../selectors/label-selector.ts";
import { checkPathSegment, policyRule, RBAC_GROUP, validatePolicyRules } from "./policy-rule.ts";
import { createdAtColumn } from "./role.ts";

export type ClusterRole = ObjectOf<typeof clusterRole>;

const aggregationRule = object(
  "io.k8s.api.rbac.v1.AggregationRule",
  "Says whose rules a cluster role is made of.",
  {
    clusterRoleSelectors: field(
      1,
      list(labelSelector),
      "Selects cluster roles by their labels; one matching selector is enough.",
    ),
  },
  { isAtomic: false },
);

export const clusterRole = defineKind({
  group: RBAC_GROUP,
  version: "v1",
  kind: "ClusterRole",
  plural: "clusterroles",
  isNamespaced: false,
  doc: "Rules about what may be done in the whole cluster, or in the namespaces where it is bound.",
  fields: {
    rules: field(2, list(policyRule), "What the role allows; with an aggregationRule, filled in by the server."),
    aggregationRule: field(3, aggregationRule, "Makes the role the sum of others."),
  },
  columns: [nameColumn, createdAtColumn],
  checkName: checkPathSegment,
  validate: (object): readonly FieldError[] => [
    ...validatePolicyRules(object.rules, { isNamespaced: false }),
    ...validateSelectors(object.aggregationRule),
  ],
});

function validateSelectors(rule: ClusterRole["aggregationRule"]): readonly FieldError[] {
  if (rule === undefined) return [];
  const path = "aggregationRule.clusterRoleSelectors";
  const { clusterRoleSelectors = [] } = rule;
  return clusterRoleSelectors.length === 0
    ? [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")]
    : clusterRoleSelectors.flatMap((selector, index) => validateLabelSelector(selector, indexPath(path, index)));
}
