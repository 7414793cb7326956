/** Source: Kubernetes API reference, core/v1 Namespace; documentation, "Namespaces" and "Automatic labelling". */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, invalid } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { conditionStatus } from "../meta/condition.ts";
import type { ObjectMeta } from "../meta/object-meta.ts";
import { checkDnsLabel, checkQualifiedName } from "../names.ts";
import { field, list, listBy, object, oneOf, string, time } from "../schema/schema.ts";

export type Namespace = ObjectOf<typeof namespace>;

/** Carries the namespace's own name, so that selectors can pick a namespace by name. The server keeps it right. */
export const NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name";

/** In spec.finalizers until the namespace controller has deleted everything in the namespace. */
export const NAMESPACE_FINALIZER = "kubernetes";

const STANDARD_FINALIZERS: readonly string[] = [NAMESPACE_FINALIZER, "orphan", "foregroundDeletion"];

const namespaceSpec = object("io.k8s.api.core.v1.NamespaceSpec", "What keeps the namespace from being removed.", {
  finalizers: field(1, list(string), "Names of what must be done first; the namespace stays until the list is empty."),
});

const namespaceCondition = object("io.k8s.api.core.v1.NamespaceCondition", "One aspect of a namespace's deletion.", {
  type: field(1, string, "Name of the aspect.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  lastTransitionTime: field(4, time, "When status last changed."),
  reason: field(5, string, "One word for programs."),
  message: field(6, string, "A sentence for people."),
});

const namespaceStatus = object("io.k8s.api.core.v1.NamespaceStatus", "Where the namespace is in its life.", {
  phase: field(1, oneOf("Active", "Terminating"), "Active, or Terminating once it is being deleted."),
  conditions: field(2, listBy(namespaceCondition, ["type"], { patchKey: "type" }), "What a deletion waits for."),
});

export const namespace = defineKind({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  shortNames: ["ns"],
  isNamespaced: false,
  verbs: ["get", "list", "watch", "create", "update", "patch", "delete"],
  doc: "A scope for names: most objects live in one, and go with it.",
  fields: {
    spec: field(2, namespaceSpec, "What keeps the namespace from being removed."),
    status: field(3, namespaceStatus, "Where the namespace is in its life."),
  },
  subresources: [{ name: "finalize", kind: { group: "", version: "v1", kind: "Namespace" }, verbs: ["update"] }],
  columns: [
    nameColumn,
    {
      name: "Status",
      type: "string",
      doc: "Active, or Terminating once it is being deleted.",
      priority: 0,
      cell: ({ status }) => status?.phase ?? "",
    },
    ageColumn,
  ],
  fieldSelectors: { "status.phase": ({ status }) => status?.phase ?? "" },
  checkName: checkDnsLabel,
  prepareForCreate: (object) => {
    const finalizers = object.spec?.finalizers ?? [];
    return {
      ...withNameLabel(object),
      spec: {
        ...object.spec,
        finalizers: finalizers.includes(NAMESPACE_FINALIZER) ? finalizers : [...finalizers, NAMESPACE_FINALIZER],
      },
      status: { phase: "Active" },
    };
  },
  prepareForUpdate: (object, old) => ({ ...withNameLabel(object), spec: old.spec, status: old.status }),
  validate: ({ spec }): readonly FieldError[] =>
    (spec?.finalizers ?? []).flatMap((name) => {
      const problems = checkQualifiedName(name);
      if (problems.length === 0 && !name.includes("/") && !STANDARD_FINALIZERS.includes(name)) {
        return [
          invalid("spec.finalizers", name, "name is neither a standard finalizer name nor is it fully qualified"),
        ];
      }
      return problems.map((problem) => invalid("spec.finalizers", name, problem));
    }),
  validateUpdate({ metadata, status }, _old, subresource): readonly FieldError[] {
    if (subresource !== "status") return [];
    const isDeleting = metadata.deletionTimestamp !== undefined;
    const expected = isDeleting ? "Terminating" : "Active";
    if (status?.phase === expected) return [];
    const why = `may only be '${expected}' if \`deletionTimestamp\` is ${isDeleting ? "not " : ""}empty`;
    return [invalid("status.Phase", status?.phase ?? "", why)];
  },
});

function withNameLabel<O extends { readonly metadata: ObjectMeta }>(object: O): O {
  const { name, labels } = object.metadata;
  if (name === undefined || name === "" || labels?.[NAMESPACE_NAME_LABEL] === name) return object;
  return { ...object, metadata: { ...object.metadata, labels: { ...labels, [NAMESPACE_NAME_LABEL]: name } } };
}
