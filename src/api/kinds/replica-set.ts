/** Keeps a number of pods running. Source: Kubernetes API reference, apps/v1 ReplicaSet. */
import { ageColumn, nameColumn } from "../columns.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { labelSelector } from "../meta/label-selector.ts";
import { field, listBy, object } from "../schema/schema.ts";
import { podTemplateSpec } from "./pod/pod-template.ts";
import { validatePodTemplate } from "./pod/validate-pod-spec.ts";
import { ALWAYS_WRITTEN, count, longCount } from "./workload/count.ts";
import { containersColumn, imagesColumn, selectorColumn } from "./workload/template-columns.ts";
import { validateReplicatedPods } from "./workload/validate-replicated-pods.ts";
import { validateAtMost } from "./workload/validate-status.ts";
import { workloadCondition } from "./workload/workload-condition.ts";

const spec = object("io.k8s.api.apps.v1.ReplicaSetSpec", "Which pods, and how many.", {
  replicas: field(1, count, "Number of pods wanted.", { default: 1, pointer: true }),
  minReadySeconds: field(4, count, "Seconds that a pod must be ready to count as available."),
  selector: field(2, labelSelector, "Labels of the pods that belong to it; those of the template must match.", {
    required: true,
    immutable: true,
    pointer: true,
  }),
  template: field(3, podTemplateSpec, "What missing pods are made from.", { required: true, default: {} }),
});

const status = object("io.k8s.api.apps.v1.ReplicaSetStatus", "What was observed.", {
  replicas: field(1, count, "Number of its pods.", ALWAYS_WRITTEN),
  fullyLabeledReplicas: field(2, count, "Number of its pods that have all labels of the template."),
  readyReplicas: field(4, count, "Number of its pods that are ready."),
  availableReplicas: field(5, count, "Number of its pods that are ready for minReadySeconds."),
  observedGeneration: field(3, longCount, "Generation that this was observed for."),
  conditions: field(
    6,
    listBy(workloadCondition("io.k8s.api.apps.v1.ReplicaSetCondition"), ["type"], { patchKey: "type" }),
    "Aspects of its state.",
  ),
});

export type ReplicaSet = ObjectOf<typeof replicaSet>;

export const replicaSet = defineKind({
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  doc: "Keeps a number of pods running.",
  fields: {
    spec: field(2, spec, "Which pods, and how many.", { required: true, default: {} }),
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
      name: "Desired",
      type: "integer",
      doc: "Number of pods wanted.",
      priority: 0,
      cell: ({ spec: { replicas = 0 } }) => replicas,
    },
    {
      name: "Current",
      type: "integer",
      doc: "Number of its pods.",
      priority: 0,
      cell: ({ status }) => status?.replicas ?? 0,
    },
    {
      name: "Ready",
      type: "integer",
      doc: "Number of its pods that are ready.",
      priority: 0,
      cell: ({ status }) => status?.readyReplicas ?? 0,
    },
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  fieldSelectors: {
    "status.replicas": ({ status }) => String(status?.replicas ?? 0),
  },
  validate: ({ spec }) => [
    ...validateReplicatedPods(spec, { inSelectorText: "deployment", inDeadlineText: "ReplicaSet" }),
    ...validatePodTemplate(spec.template, "spec.template"),
  ],
  validateUpdate(next, _old, subresource) {
    if (subresource !== "status") return [];
    const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas } = next.status ?? {};
    return [
      ...validateAtMost({ fullyLabeledReplicas, readyReplicas, availableReplicas }, replicas, "status.replicas"),
      ...validateAtMost({ availableReplicas }, readyReplicas, "readyReplicas"),
    ];
  },
});
