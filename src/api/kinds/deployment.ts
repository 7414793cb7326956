/**
 * Keeps a number of pods running and replaces them when their template changes. Source: Kubernetes API reference,
 * apps/v1 Deployment.
 */
import { ageColumn, nameColumn } from "../columns.ts";
import { type FieldError, forbidden, invalid } from "../field-error.ts";
import { defineKind, type ObjectOf } from "../kind.ts";
import { conditionStatus } from "../meta/condition.ts";
import { labelSelector } from "../meta/label-selector.ts";
import { boolean, field, listBy, object, oneOf, string, time, type ValueOf } from "../schema/schema.ts";
import { formatLabelSelector } from "../selectors/label-selector.ts";
import { podTemplateSpec } from "./pod/pod-template.ts";
import { validatePodTemplate } from "./pod/validate-pod-spec.ts";
import { count, longCount } from "./workload/count.ts";
import { intOrPercent, intOrPercentOf100, isZero } from "./workload/int-or-percent.ts";
import { containersColumn, imagesColumn, selectorColumn } from "./workload/template-columns.ts";
import { validateReplicatedPods } from "./workload/validate-replicated-pods.ts";
import { validateAtMost, validateCollisionCount } from "./workload/validate-status.ts";

const rollingUpdate = object("io.k8s.api.apps.v1.RollingUpdateDeployment", "How fast a rolling update goes.", {
  maxUnavailable: field(1, intOrPercentOf100, "Pods that may be missing during the update.", {
    default: "25%",
    pointer: true,
  }),
  maxSurge: field(2, intOrPercent, "Pods that may be there beyond the number wanted.", {
    default: "25%",
    pointer: true,
  }),
});

const strategy = object(
  "io.k8s.api.apps.v1.DeploymentStrategy",
  "How old pods are replaced by new ones.",
  {
    type: field(1, oneOf("Recreate", "RollingUpdate"), "All at once with a pause between, or a few at a time.", {
      default: "RollingUpdate",
    }),
    rollingUpdate: field(2, rollingUpdate, "How fast a rolling update goes.", {
      default: ({ type }) => (type === undefined || type === "RollingUpdate" ? {} : undefined),
    }),
  },
  { patchRetainKeys: true },
);

const spec = object("io.k8s.api.apps.v1.DeploymentSpec", "Which pods, how many, and how they are replaced.", {
  replicas: field(1, count, "Number of pods wanted.", { default: 1, pointer: true }),
  selector: field(2, labelSelector, "Labels of the pods that belong to it; those of the template must match.", {
    required: true,
    immutable: true,
    pointer: true,
  }),
  template: field(3, podTemplateSpec, "What pods are made from.", { required: true, default: {} }),
  strategy: field(4, strategy, "How old pods are replaced by new ones.", { default: {} }),
  minReadySeconds: field(5, count, "Seconds that a pod must be ready to count as available."),
  revisionHistoryLimit: field(6, count, "Number of old ReplicaSets that are kept to go back to.", {
    default: 10,
    pointer: true,
  }),
  paused: field(7, boolean, "True: changes of the template are not rolled out."),
  progressDeadlineSeconds: field(9, count, "Seconds without progress after which the update counts as failed.", {
    default: 600,
    pointer: true,
  }),
});
export type DeploymentSpec = ValueOf<typeof spec>;

const condition = object("io.k8s.api.apps.v1.DeploymentCondition", "One aspect of the deployment's state.", {
  type: field(1, string, "Name of the aspect.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  lastUpdateTime: field(6, time, "When the condition was last written."),
  lastTransitionTime: field(7, time, "When status last changed."),
  reason: field(4, string, "One word for programs."),
  message: field(5, string, "A sentence for people."),
});

const status = object("io.k8s.api.apps.v1.DeploymentStatus", "What was observed.", {
  observedGeneration: field(1, longCount, "Generation that this was observed for."),
  replicas: field(2, count, "Number of its pods."),
  updatedReplicas: field(3, count, "Number of its pods that have the present template."),
  readyReplicas: field(7, count, "Number of its pods that are ready."),
  availableReplicas: field(4, count, "Number of its pods that are ready for minReadySeconds."),
  unavailableReplicas: field(5, count, "Number of pods that are missing or not available."),
  conditions: field(6, listBy(condition, ["type"], { patchKey: "type" }), "Aspects of its state."),
  collisionCount: field(8, count, "Clashes of names of ReplicaSets; part of the next name.", { pointer: true }),
});

export type Deployment = ObjectOf<typeof deployment>;

export const deployment = defineKind({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  doc: "Keeps a number of pods running and replaces them when their template changes.",
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
    {
      name: "Up-to-date",
      type: "string",
      doc: "Number of its pods that have the present template.",
      priority: 0,
      cell: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: "Available",
      type: "string",
      doc: "Number of its pods that are available.",
      priority: 0,
      cell: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    containersColumn,
    imagesColumn,
    // Unlike other kinds it shows nothing for an empty selector.
    { ...selectorColumn, cell: ({ spec: { selector } }) => formatLabelSelector(selector) },
  ],
  validate: ({ spec }) => [
    ...validateReplicatedPods(spec, { inSelectorText: "deployment", inDeadlineText: "ReplicaSet" }),
    ...validatePodTemplate(spec.template, "spec.template"),
    ...validateStrategy(spec.strategy),
    ...validateProgressDeadline(spec),
  ],
  validateUpdate(next, old, subresource) {
    if (subresource !== "status") return [];
    const { replicas, updatedReplicas, readyReplicas, availableReplicas } = next.status ?? {};
    return [
      ...validateAtMost({ updatedReplicas, readyReplicas, availableReplicas }, replicas, "status.replicas"),
      ...validateAtMost({ availableReplicas }, readyReplicas, "readyReplicas"),
      ...validateCollisionCount(next, old),
    ];
  },
});

function validateStrategy(value: DeploymentSpec["strategy"]): readonly FieldError[] {
  if (value?.rollingUpdate === undefined) return [];
  if (value.type === "Recreate") {
    return [forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")];
  }
  const { maxUnavailable, maxSurge } = value.rollingUpdate;
  return isZero(maxUnavailable) && isZero(maxSurge)
    ? [invalid("spec.strategy.rollingUpdate.maxUnavailable", maxUnavailable, "may not be 0 when `maxSurge` is 0")]
    : [];
}

function validateProgressDeadline({
  progressDeadlineSeconds,
  minReadySeconds = 0,
}: DeploymentSpec): readonly FieldError[] {
  return progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds
    ? [invalid("spec.progressDeadlineSeconds", progressDeadlineSeconds, "must be greater than minReadySeconds")]
    : [];
}
