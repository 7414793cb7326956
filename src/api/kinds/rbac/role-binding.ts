/** Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 RoleBinding. */
import { defineKind, type ObjectOf } from "../../kind.ts";
import { bindingColumns, bindingFields, validateBinding, validateBindingUpdate } from "./binding.ts";
import { checkPathSegment, RBAC_GROUP } from "./policy-rule.ts";

export type RoleBinding = ObjectOf<typeof roleBinding>;

export const roleBinding = defineKind({
  group: RBAC_GROUP,
  version: "v1",
  kind: "RoleBinding",
  plural: "rolebindings",
  doc: "Gives a Role or ClusterRole to somebody, in its namespace.",
  fields: bindingFields,
  columns: bindingColumns,
  checkName: checkPathSegment,
  validate: (object) => validateBinding(object, { isNamespaced: true }),
  validateUpdate: validateBindingUpdate,
});
