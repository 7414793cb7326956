/** What RoleBinding and ClusterRoleBinding have in common. Source: Kubernetes API reference, rbac.authorization.k8s.io/v1. */
import { ageColumn, nameColumn } from "../../columns.ts";
import { childPath, type FieldError, indexPath, invalid, notSupported, required } from "../../field-error.ts";
import type { Column, KubeObject } from "../../kind.ts";
import { checkDnsSubdomain } from "../../names.ts";
import { field, list, object, string, type ValueOf } from "../../schema/schema.ts";
import { checkPathSegment, RBAC_GROUP } from "./policy-rule.ts";

const subject = object(
  "io.k8s.api.rbac.v1.Subject",
  "Somebody: a user, a group or a service account.",
  {
    kind: field(1, string, "User, Group or ServiceAccount."),
    apiGroup: field(2, string, "Group of the kind; empty for service accounts.", {
      default: ({ kind }) => (kind === "User" || kind === "Group" ? RBAC_GROUP : undefined),
    }),
    name: field(3, string, "Name of the user, group or service account."),
    namespace: field(4, string, "Namespace of the service account."),
  },
  { isAtomic: true },
);
export type Subject = ValueOf<typeof subject>;

const roleRef = object(
  "io.k8s.api.rbac.v1.RoleRef",
  "The role that a binding gives.",
  {
    apiGroup: field(1, string, "Group of the role's kind.", { default: RBAC_GROUP }),
    kind: field(2, string, "Role or ClusterRole."),
    name: field(3, string, "Name of the role."),
  },
  { isAtomic: true },
);
export type RoleRef = ValueOf<typeof roleRef>;

export const bindingFields = {
  subjects: field(2, list(subject), "Who gets the role."),
  roleRef: field(3, roleRef, "The role; it cannot change.", { required: true, default: {} }),
} as const;

interface Binding extends KubeObject {
  readonly subjects?: readonly Subject[] | undefined;
  readonly roleRef: RoleRef;
}

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  {
    name: "Role",
    type: "string",
    doc: "Kind and name of the role.",
    priority: 0,
    cell: (binding) => `${binding.roleRef.kind ?? ""}/${binding.roleRef.name ?? ""}`,
  },
  ageColumn,
  subjectColumn("Users", "User", ({ name = "" }) => name),
  subjectColumn("Groups", "Group", ({ name = "" }) => name),
  subjectColumn("ServiceAccounts", "ServiceAccount", ({ namespace = "", name = "" }) => `${namespace}/${name}`),
];

function subjectColumn(name: string, kind: string, show: (subject: Subject) => string): Column<Binding> {
  return {
    name,
    type: "string",
    doc: `${name} that get the role.`,
    priority: 1,
    cell: ({ subjects = [] }) =>
      subjects
        .filter((one) => one.kind === kind)
        .map(show)
        .join(", "),
  };
}

/** `isNamespaced`: a RoleBinding, which may also bind a Role, and knows its service accounts' namespace. */
export function validateBinding(
  { subjects = [], roleRef: ref }: Binding,
  { isNamespaced }: { readonly isNamespaced: boolean },
): readonly FieldError[] {
  const kinds = isNamespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
  const { apiGroup = "", kind = "", name = "" } = ref;
  return [
    ...(apiGroup === RBAC_GROUP ? [] : [notSupported("roleRef.apiGroup", apiGroup, [RBAC_GROUP])]),
    ...(kinds.includes(kind) ? [] : [notSupported("roleRef.kind", kind, kinds)]),
    ...(name === ""
      ? [required("roleRef.name")]
      : checkPathSegment(name).map((problem) => invalid("roleRef.name", name, problem))),
    ...subjects.flatMap((one, index) => validateSubject(one, isNamespaced, indexPath("subjects", index))),
  ];
}

export function validateBindingUpdate({ roleRef: next }: Binding, { roleRef: old }: Binding): readonly FieldError[] {
  if (next.apiGroup === old.apiGroup && next.kind === old.kind && next.name === old.name) return [];
  const { apiGroup = "", kind = "", name = "" } = next;
  const shown = `rbac.RoleRef{APIGroup:${JSON.stringify(apiGroup)}, Kind:${JSON.stringify(kind)}, Name:${JSON.stringify(name)}}`;
  return [{ field: "roleRef", reason: "FieldValueInvalid", message: `Invalid value: ${shown}: cannot change roleRef` }];
}

function validateSubject(subject: Subject, isNamespaced: boolean, path: string): readonly FieldError[] {
  const { kind = "", apiGroup = "", name = "", namespace = "" } = subject;
  const errors: FieldError[] = name === "" ? [required(childPath(path, "name"))] : [];
  const wrongGroup = (group: string) =>
    apiGroup === group ? [] : [notSupported(childPath(path, "apiGroup"), apiGroup, [group])];
  switch (kind) {
    case "ServiceAccount":
      if (name !== "") {
        errors.push(...checkDnsSubdomain(name).map((problem) => invalid(childPath(path, "name"), name, problem)));
      }
      errors.push(...wrongGroup(""));
      if (!isNamespaced && namespace === "") errors.push(required(childPath(path, "namespace")));
      return errors;
    case "User":
    case "Group":
      if (name === "") {
        errors.push(invalid(childPath(path, "name"), name, `${kind.toLowerCase()} name cannot be empty`));
      }
      return [...errors, ...wrongGroup(RBAC_GROUP)];
    default:
      return [...errors, notSupported(childPath(path, "kind"), kind, ["ServiceAccount", "User", "Group"])];
  }
}
