/** A snapshot of a workload's template, to go back to. Source: Kubernetes API reference, apps/v1 ControllerRevision. */
import { ageColumn, nameColumn } from "../columns.ts";
import { required } from "../field-error.ts";
import { defineKind, type KubeObject, type ObjectOf } from "../kind.ts";
import { any, field } from "../schema/schema.ts";
import { ALWAYS_WRITTEN, longCount } from "./workload/count.ts";

export type ControllerRevision = ObjectOf<typeof controllerRevision>;

export const controllerRevision = defineKind({
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  doc: "A snapshot of a workload's template, to go back to.",
  fields: {
    data: field(2, any, "The snapshot, in the form of the controller that made it.", { immutable: true }),
    revision: field(3, longCount, "Number of the snapshot; the largest is the newest.", ALWAYS_WRITTEN),
  },
  columns: [
    nameColumn,
    {
      name: "Controller",
      type: "string",
      doc: "Object that the snapshot belongs to.",
      priority: 0,
      cell: ({ metadata }) => formatController(metadata),
    },
    {
      name: "Revision",
      type: "string",
      doc: "Number of the snapshot.",
      priority: 0,
      cell: ({ revision }) => revision,
    },
    ageColumn,
  ],
  validate: ({ data }) => (data === undefined || data === null ? [required("data", "data is mandatory")] : []),
});

/** "daemonset.apps/logger". */
function formatController({ ownerReferences = [] }: KubeObject["metadata"]): string {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return "<none>";
  const [group] = owner.apiVersion.includes("/") ? owner.apiVersion.split("/") : [""];
  const kind = owner.kind.toLowerCase();
  return `${group === "" ? kind : `${kind}.${group}`}/${owner.name}`;
}
