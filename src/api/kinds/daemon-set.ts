/** Keeps a pod on every node. Source: Kubernetes API reference, apps/v1 DaemonSet. */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, invalid, required } from "../field-error.ts";
import { type Column, defineKind, type ObjectOf } from "../kind.ts";
import { formatLabelsOrNone } from "../meta/format-label-selector.ts";
import { labelSelector } from "../meta/label-selector.ts";
import { field, listBy, object, oneOf, type ValueOf } from "../schema/schema.ts";
import { podTemplateSpec } from "./pod/pod-template.ts";
import { validatePodTemplate } from "./pod/validate-pod-spec.ts";
import { ALWAYS_WRITTEN, count, longCount } from "./workload/count.ts";
import { intOrPercentOf100, isZero } from "./workload/int-or-percent.ts";
import { containersColumn, imagesColumn, selectorColumn } from "./workload/template-columns.ts";
import { validateReplicatedPods } from "./workload/validate-replicated-pods.ts";
import { validateCollisionCount } from "./workload/validate-status.ts";
import { workloadCondition } from "./workload/workload-condition.ts";

const rollingUpdate = object("io.k8s.api.apps.v1.RollingUpdateDaemonSet", "How fast a rolling update goes.", {
  maxUnavailable: field(1, intOrPercentOf100, "Nodes that may be without a pod during the update.", {
    default: 1,
    pointer: true,
  }),
  maxSurge: field(2, intOrPercentOf100, "Nodes that may have an old and a new pod during the update.", {
    default: 0,
    pointer: true,
  }),
});

const updateStrategy = object("io.k8s.api.apps.v1.DaemonSetUpdateStrategy", "How old pods are replaced by new ones.", {
  type: field(1, oneOf("OnDelete", "RollingUpdate"), "When someone deletes them, or a few at a time.", {
    default: "RollingUpdate",
  }),
  rollingUpdate: field(2, rollingUpdate, "How fast a rolling update goes.", {
    default: ({ type }) => (type === undefined || type === "RollingUpdate" ? {} : undefined),
  }),
});

const spec = object("io.k8s.api.apps.v1.DaemonSetSpec", "Which pods, and how they are replaced.", {
  selector: field(1, labelSelector, "Labels of the pods that belong to it; those of the template must match.", {
    required: true,
    immutable: true,
    pointer: true,
  }),
  template: field(2, podTemplateSpec, "What pods are made from; its node selector and affinity choose the nodes.", {
    required: true,
    default: {},
  }),
  updateStrategy: field(3, updateStrategy, "How old pods are replaced by new ones.", { default: {} }),
  minReadySeconds: field(4, count, "Seconds that a pod must be ready to count as available."),
  revisionHistoryLimit: field(6, count, "Number of old revisions that are kept to go back to.", {
    default: 10,
    pointer: true,
  }),
});
export type DaemonSetSpec = ValueOf<typeof spec>;

const status = object("io.k8s.api.apps.v1.DaemonSetStatus", "What was observed.", {
  currentNumberScheduled: field(1, count, "Nodes that have its pod and should.", ALWAYS_WRITTEN),
  numberMisscheduled: field(2, count, "Nodes that have its pod and should not.", ALWAYS_WRITTEN),
  desiredNumberScheduled: field(3, count, "Nodes that should have its pod.", ALWAYS_WRITTEN),
  numberReady: field(4, count, "Nodes whose pod is ready.", ALWAYS_WRITTEN),
  observedGeneration: field(5, longCount, "Generation that this was observed for."),
  updatedNumberScheduled: field(6, count, "Nodes whose pod has the present template."),
  numberAvailable: field(7, count, "Nodes whose pod is ready for minReadySeconds."),
  numberUnavailable: field(8, count, "Nodes that should have an available pod and have none."),
  collisionCount: field(9, count, "Clashes of names of revisions; part of the next name.", { pointer: true }),
  conditions: field(
    10,
    listBy(workloadCondition("io.k8s.api.apps.v1.DaemonSetCondition"), ["type"], { patchKey: "type" }),
    "Aspects of its state.",
  ),
});
type DaemonSetStatus = ValueOf<typeof status>;

export type DaemonSet = ObjectOf<typeof daemonSet>;

export const daemonSet = defineKind({
  group: "apps",
  version: "v1",
  kind: "DaemonSet",
  plural: "daemonsets",
  shortNames: ["ds"],
  categories: ["all"],
  doc: "Keeps a pod on every node, or on some.",
  fields: {
    spec: field(2, spec, "Which pods, and how they are replaced.", { required: true, default: {} }),
    status: field(3, status, "What was observed.", { default: {} }),
  },
  columns: [
    nameColumn,
    countColumn("Desired", "Nodes that should have its pod.", (s) => s.desiredNumberScheduled),
    countColumn("Current", "Nodes that have its pod.", (s) => s.currentNumberScheduled),
    countColumn("Ready", "Nodes whose pod is ready.", (s) => s.numberReady),
    countColumn("Up-to-date", "Nodes whose pod has the present template.", (s) => s.updatedNumberScheduled),
    countColumn("Available", "Nodes whose pod is available.", (s) => s.numberAvailable),
    {
      name: "Node Selector",
      type: "string",
      doc: "Labels of the nodes it runs on.",
      priority: 0,
      cell: ({ spec }) => formatLabelsOrNone(spec.template.spec.nodeSelector),
    },
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  validate: ({ spec }) => [
    ...validateReplicatedPods(spec, { inSelectorText: "daemonset", inDeadlineText: "DaemonSet" }),
    ...validatePodTemplate(spec.template, "spec.template"),
    ...validateUpdateStrategy(spec.updateStrategy),
  ],
  validateUpdate: (next, old, subresource) => (subresource === "status" ? validateCollisionCount(next, old) : []),
});

function countColumn(
  name: string,
  doc: string,
  countOf: (status: DaemonSetStatus) => number | undefined,
): Column<{ readonly status?: DaemonSetStatus | undefined }> {
  const cell = ({ status: value }: { readonly status?: DaemonSetStatus | undefined }) =>
    (value === undefined ? undefined : countOf(value)) ?? 0;
  return { name, type: "integer", doc, priority: 0, cell };
}

/** Pods are either replaced in place or by a second one beside them. */
function validateUpdateStrategy(value: DaemonSetSpec["updateStrategy"]): readonly FieldError[] {
  if (value?.type !== "RollingUpdate" || value.rollingUpdate === undefined) return [];
  const { maxUnavailable, maxSurge } = value.rollingUpdate;
  const path = "spec.updateStrategy.rollingUpdate";
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    return [required(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0")];
  }
  return isZero(maxUnavailable) || isZero(maxSurge)
    ? []
    : [invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero")];
}
