/** Source: Kubernetes API reference, rbac.authorization.k8s.io/v1 ClusterRoleBinding. */
import { defineKind, type ObjectOf } from "../../kind.ts";
import { bindingColumns, bindingFields, validateBinding, validateBindingUpdate } from "./binding.ts";
import { checkPathSegment, RBAC_GROUP } from "./policy-rule.ts";

export type ClusterRoleBinding = ObjectOf<typeof clusterRoleBinding>;

export const clusterRoleBinding = defineKind({
  group: RBAC_GROUP,
  version: "v1",
  kind: "ClusterRoleBinding",
  plural: "clusterrolebindings",
  isNamespaced: false,
  doc: "Gives a ClusterRole to somebody, in the whole cluster.",
  fields: bindingFields,
  columns: bindingColumns,
  checkName: checkPathSegment,
  validate: (object) => validateBinding(object, { isNamespaced: false }),
  validateUpdate: validateBindingUpdate,
});
