/** Which nodes a pod prefers or needs. Source: Kubernetes API reference, core/v1 Affinity. */
import { labelSelector } from "../../meta/label-selector.ts";
import { checkQualifiedName } from "../../names.ts";
import { field, int32Between, list, object, oneOf, string, stringOf, type ValueOf } from "../../schema/schema.ts";

const weight = int32Between(1, 100);

const nodeSelectorRequirement = object(
  "io.k8s.api.core.v1.NodeSelectorRequirement",
  "One condition on a label or field of a node.",
  {
    key: field(1, string, "Key of the label, or name of the field.", { required: true }),
    operator: field(2, oneOf("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"), "How the value is compared.", {
      required: true,
    }),
    values: field(3, list(string), "Values for In and NotIn; one whole number for Gt and Lt."),
  },
);
export type NodeSelectorRequirement = ValueOf<typeof nodeSelectorRequirement>;

const nodeSelectorTerm = object(
  "io.k8s.api.core.v1.NodeSelectorTerm",
  "Conditions that must all hold; without any it matches no node.",
  {
    matchExpressions: field(1, list(nodeSelectorRequirement), "Conditions on labels."),
    matchFields: field(2, list(nodeSelectorRequirement), "Conditions on fields; only metadata.name."),
  },
  { isAtomic: true },
);
export type NodeSelectorTerm = ValueOf<typeof nodeSelectorTerm>;

export const nodeSelector = object(
  "io.k8s.api.core.v1.NodeSelector",
  "Matches nodes; one of its terms must hold.",
  { nodeSelectorTerms: field(1, list(nodeSelectorTerm), "The terms.", { required: true }) },
  { isAtomic: true },
);
export type NodeSelector = ValueOf<typeof nodeSelector>;

const preferredSchedulingTerm = object("io.k8s.api.core.v1.PreferredSchedulingTerm", "A wish for some nodes.", {
  weight: field(1, weight, "How much it counts, from 1 to 100.", { required: true }),
  preference: field(2, nodeSelectorTerm, "Which nodes.", { required: true }),
});

const nodeAffinity = object("io.k8s.api.core.v1.NodeAffinity", "Which nodes the pod can run on.", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, nodeSelector, "What a node must match."),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list(preferredSchedulingTerm), "What is preferred."),
});

const podAffinityTerm = object(
  "io.k8s.api.core.v1.PodAffinityTerm",
  "Pods, and the part of the cluster in which they count as near.",
  {
    labelSelector: field(1, labelSelector, "Which pods; absent: none."),
    namespaces: field(2, list(string), "Their namespaces; by default the pod's own."),
    topologyKey: field(3, stringOf(checkQualifiedName), "Label of nodes; nodes with equal values are one place.", {
      required: true,
    }),
    namespaceSelector: field(4, labelSelector, "Further namespaces, by their labels."),
    matchLabelKeys: field(5, list(string), "Labels of the pod whose values the others must share."),
    mismatchLabelKeys: field(6, list(string), "Labels of the pod whose values the others must not share."),
  },
);
export type PodAffinityTerm = ValueOf<typeof podAffinityTerm>;

const weightedPodAffinityTerm = object("io.k8s.api.core.v1.WeightedPodAffinityTerm", "A wish for nearness.", {
  weight: field(1, weight, "How much it counts, from 1 to 100.", { required: true }),
  podAffinityTerm: field(2, podAffinityTerm, "Near to which pods.", { required: true }),
});

const podAffinity = object("io.k8s.api.core.v1.PodAffinity", "Pods that the pod runs near to.", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, list(podAffinityTerm), "What must hold."),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list(weightedPodAffinityTerm), "What is preferred."),
});

const podAntiAffinity = object("io.k8s.api.core.v1.PodAntiAffinity", "Pods that the pod keeps away from.", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, list(podAffinityTerm), "What must hold."),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list(weightedPodAffinityTerm), "What is preferred."),
});

export const affinity = object("io.k8s.api.core.v1.Affinity", "Which nodes a pod prefers or needs.", {
  nodeAffinity: field(1, nodeAffinity, "By the nodes themselves."),
  podAffinity: field(2, podAffinity, "Near to other pods."),
  podAntiAffinity: field(3, podAntiAffinity, "Away from other pods."),
});
export type Affinity = ValueOf<typeof affinity>;
