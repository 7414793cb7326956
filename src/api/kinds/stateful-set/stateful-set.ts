/**
 * Keeps a number of pods that each have a name and storage of their own. Source: Kubernetes API reference, apps/v1
 * StatefulSet.
 */
import { ageColumn, nameColumn } from "../../columns.ts";
import { type FieldError, forbidden, invalid } from "../../field-error.ts";
import { defineKind, type ObjectOf } from "../../kind.ts";
import { labelSelector } from "../../meta/label-selector.ts";
import { jsonEqual } from "../../schema/json-equal.ts";
import { field, list, listBy, object, oneOf, string, type ValueOf } from "../../schema/schema.ts";
import { podTemplateSpec } from "../pod/pod-template.ts";
import { ALWAYS_WRITTEN, count, longCount } from "../workload/count.ts";
import { intOrPercentOf100, isZero } from "../workload/int-or-percent.ts";
import { containersColumn, imagesColumn } from "../workload/template-columns.ts";
import { validateReplicatedPods } from "../workload/validate-replicated-pods.ts";
import { validateAtMost, validateCollisionCount } from "../workload/validate-status.ts";
import { workloadCondition } from "../workload/workload-condition.ts";
import { volumeClaimTemplate } from "./volume-claim-template.ts";

const rollingUpdate = object("io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy", "How far a rolling update goes.", {
  partition: field(1, count, "Pods with a smaller ordinal keep the old template.", { default: 0, pointer: true }),
  maxUnavailable: field(2, intOrPercentOf100, "Pods that may be missing during the update.", { pointer: true }),
});

const updateStrategy = object(
  "io.k8s.api.apps.v1.StatefulSetUpdateStrategy",
  "How old pods are replaced by new ones.",
  {
    type: field(1, oneOf("OnDelete", "RollingUpdate"), "When someone deletes them, or one after the other.", {
      default: "RollingUpdate",
    }),
    rollingUpdate: field(2, rollingUpdate, "How far a rolling update goes.", {
      default: ({ type }) => (type === undefined ? {} : undefined),
    }),
  },
);

const retention = oneOf("Delete", "Retain");
const claimRetentionPolicy = object(
  "io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
  "What becomes of claims that are not needed any more.",
  {
    whenDeleted: field(1, retention, "When the set is deleted.", { default: "Retain" }),
    whenScaled: field(2, retention, "When the set becomes smaller.", { default: "Retain" }),
  },
);

const ordinals = object("io.k8s.api.apps.v1.StatefulSetOrdinals", "How pods are numbered.", {
  start: field(1, count, "Number of the first pod.", ALWAYS_WRITTEN),
});

const spec = object("io.k8s.api.apps.v1.StatefulSetSpec", "Which pods, how many, and how they are replaced.", {
  replicas: field(1, count, "Number of pods wanted.", { default: 1, pointer: true }),
  selector: field(2, labelSelector, "Labels of the pods that belong to it; those of the template must match.", {
    required: true,
    pointer: true,
  }),
  template: field(3, podTemplateSpec, "What pods are made from.", { required: true, default: {} }),
  volumeClaimTemplates: field(4, list(volumeClaimTemplate), "Claims that each pod gets."),
  serviceName: field(5, string, "Service that gives the pods their DNS names.", { required: true, default: "" }),
  podManagementPolicy: field(6, oneOf("OrderedReady", "Parallel"), "One pod after the other, or all at once.", {
    default: "OrderedReady",
  }),
  updateStrategy: field(7, updateStrategy, "How old pods are replaced by new ones.", { default: {} }),
  revisionHistoryLimit: field(8, count, "Number of old revisions that are kept to go back to.", {
    default: 10,
    pointer: true,
  }),
  minReadySeconds: field(9, count, "Seconds that a pod must be ready to count as available."),
  persistentVolumeClaimRetentionPolicy: field(
    10,
    claimRetentionPolicy,
    "What becomes of claims that are not needed any more.",
    { default: {} },
  ),
  ordinals: field(11, ordinals, "How pods are numbered."),
});
export type StatefulSetSpec = ValueOf<typeof spec>;

const status = object("io.k8s.api.apps.v1.StatefulSetStatus", "What was observed.", {
  observedGeneration: field(1, longCount, "Generation that this was observed for."),
  replicas: field(2, count, "Number of its pods.", ALWAYS_WRITTEN),
  readyReplicas: field(3, count, "Number of its pods that are ready."),
  currentReplicas: field(4, count, "Number of its pods that have the template of currentRevision."),
  updatedReplicas: field(5, count, "Number of its pods that have the template of updateRevision."),
  currentRevision: field(6, string, "Revision of the pods that are not updated yet."),
  updateRevision: field(7, string, "Revision of the present template."),
  collisionCount: field(9, count, "Clashes of names of revisions; part of the next name.", { pointer: true }),
  conditions: field(
    10,
    listBy(workloadCondition("io.k8s.api.apps.v1.StatefulSetCondition"), ["type"], { patchKey: "type" }),
    "Aspects of its state.",
  ),
  availableReplicas: field(11, count, "Number of its pods that are ready for minReadySeconds.", ALWAYS_WRITTEN),
});

export type StatefulSet = ObjectOf<typeof statefulSet>;

export const statefulSet = defineKind({
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  doc: "Keeps a number of pods that each have a name and storage of their own.",
  fields: {
    spec: field(2, spec, "Which pods, how many, and how they are replaced.", { required: true, default: {} }),
    status: field(3, status, "What was observed.", { default: {} }),
  },
  scale: {
    specReplicas: "spec.replicas",
    statusReplicas: "status.replicas",
    selector: "spec.selector",
  },
  columns: [
    nameColumn,
    {
      name: "Ready",
      type: "string",
      doc: "Pods that are ready, of those wanted.",
      priority: 0,
      cell: ({ spec: { replicas = 0 }, status }) => `${status?.readyReplicas ?? 0}/${replicas}`,
    },
    ageColumn,
    containersColumn,
    imagesColumn,
  ],
  // Not the whole template, as Kubernetes: its volumes may come from the claims.
  validate: ({ spec }) => [
    ...validateReplicatedPods(spec, { inSelectorText: "statefulset", inDeadlineText: "StatefulSet" }),
    ...validateUpdateStrategy(spec.updateStrategy),
  ],
  validateUpdate(next, old, subresource) {
    if (subresource !== "status") return validateSpecUpdate(next.spec, old.spec);
    const { replicas, readyReplicas, currentReplicas, updatedReplicas, availableReplicas } = next.status ?? {};
    const counts = { readyReplicas, currentReplicas, updatedReplicas, availableReplicas };
    return [
      ...validateAtMost(counts, replicas, "status.replicas"),
      ...validateAtMost({ availableReplicas }, readyReplicas, "status.readyReplicas"),
      ...validateCollisionCount(next, old),
    ];
  },
});

function validateUpdateStrategy(value: StatefulSetSpec["updateStrategy"]): readonly FieldError[] {
  if (value?.rollingUpdate === undefined) return [];
  const path = "spec.updateStrategy.rollingUpdate";
  if (value.type === "OnDelete") {
    return [invalid(path, value.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  }
  const { maxUnavailable } = value.rollingUpdate;
  return maxUnavailable !== undefined && isZero(maxUnavailable)
    ? [invalid(`${path}.maxUnavailable`, maxUnavailable, "cannot be 0")]
    : [];
}

const FORBIDDEN_CHANGE =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function validateSpecUpdate(next: StatefulSetSpec, old: StatefulSetSpec): readonly FieldError[] {
  return jsonEqual(fixedPart(next), fixedPart(old)) ? [] : [forbidden("spec", FORBIDDEN_CHANGE)];
}

function fixedPart({
  selector,
  volumeClaimTemplates = [],
  serviceName,
  podManagementPolicy,
  revisionHistoryLimit,
}: StatefulSetSpec) {
  return { selector, volumeClaimTemplates, serviceName, podManagementPolicy, revisionHistoryLimit };
}
