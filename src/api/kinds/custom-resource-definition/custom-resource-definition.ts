/**
 * A kind that is declared at run time: the API server serves it as soon as its names are accepted.
 * Source: Kubernetes API reference, apiextensions.k8s.io/v1.
 */
import { nameColumn } from "../../columns.ts";
import { defineKind } from "../../kind.ts";
import { field } from "../../schema/schema.ts";
import { checkDefinition, checkDefinitionUpdate } from "./check-definition.ts";
import { withCondition } from "./definition-conditions.ts";
import {
  API,
  type CustomResourceDefinition,
  type DefinitionCondition,
  definitionSpec,
  definitionStatus,
} from "./definition-spec.ts";
import { definitionWarnings } from "./definition-warnings.ts";

/** Keeps a deleted definition until all of its objects are gone. */
export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

export const customResourceDefinition = defineKind({
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  isNamespaced: false,
  doc: "A kind that the API server serves beside its own.",
  schemaName: `${API}.CustomResourceDefinition`,
  fields: {
    spec: field(2, definitionSpec, "What the kind is to be.", { required: true }),
    status: field(3, definitionStatus, "What has become of it."),
  },
  columns: [
    nameColumn,
    {
      name: "Created At",
      type: "date",
      doc: "When the definition was created.",
      priority: 0,
      cell: ({ metadata }) => metadata.creationTimestamp ?? "<unknown>",
    },
  ],
  prepareForCreate: withStorageVersion,
  prepareForUpdate: withStorageVersion,
  prepareForDelete: (definition, now) => {
    const { finalizers = [] } = definition.metadata;
    if (finalizers.includes(CLEANUP_FINALIZER)) return definition;
    const terminating: DefinitionCondition = {
      type: "Terminating",
      status: "True",
      reason: "InstanceDeletionPending",
      message: "CustomResourceDefinition marked for deletion; CustomResource deletion will be in progress",
    };
    return {
      ...definition,
      metadata: { ...definition.metadata, finalizers: [...finalizers, CLEANUP_FINALIZER] },
      status: withCondition(definition.status ?? {}, terminating, now),
    };
  },
  validate: checkDefinition,
  validateUpdate: checkDefinitionUpdate,
  warnings: definitionWarnings,
});

/** Objects may be stored in every version that has been the one to store. */
function withStorageVersion(definition: CustomResourceDefinition): CustomResourceDefinition {
  const { spec, status } = definition;
  // Not validated yet: anything may be missing.
  const name = spec?.versions?.find(({ storage }) => storage === true)?.name;
  const { storedVersions = [] } = status ?? {};
  if (name === undefined || storedVersions.includes(name)) return definition;
  return { ...definition, status: { ...status, storedVersions: [...storedVersions, name] } };
}
