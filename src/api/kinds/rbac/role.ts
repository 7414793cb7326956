/** Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 Role. */
import { nameColumn } from "../../columns.ts";
import type { Column, KubeObject } from "../../kind.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { field, list } from "../../schema/schema.ts";
import { checkPathSegment, policyRule, RBAC_GROUP, validatePolicyRules } from "./policy-rule.ts";

export type Role = ObjectOf<typeof role>;

/** kubectl shows the time itself here, not the age. */
export const createdAtColumn: Column<KubeObject> = {
  name: "Created At",
  type: "date",
  doc: "When the object was created.",
  priority: 0,
  cell: ({ metadata }) => metadata.creationTimestamp ?? "",
};

export const role = defineKind({
  group: RBAC_GROUP,
  version: "v1",
  kind: "Role",
  plural: "roles",
  doc: "Rules about what may be done in its namespace; a RoleBinding gives them to somebody.",
  fields: { rules: field(2, list(policyRule), "What the role allows; rules only ever add.") },
  columns: [nameColumn, createdAtColumn],
  checkName: checkPathSegment,
  validate: ({ rules }) => validatePolicyRules(rules, { isNamespaced: true }),
});
