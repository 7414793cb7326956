/** Even spread of pods. Source: Kubernetes API reference, core/v1 TopologySpreadConstraint. */
import { labelSelector } from "../../meta/label-selector.ts";
import { checkQualifiedName } from "../../names.ts";
import { field, int32, list, object, oneOf, string, stringOf, type ValueOf } from "../../schema/schema.ts";

const inclusion = oneOf("Honor", "Ignore");

export const topologySpreadConstraint = object(
  "io.k8s.api.core.v1.TopologySpreadConstraint",
  "How evenly matching pods are spread over parts of the cluster.",
  {
    maxSkew: field(1, { ...int32, min: 1 }, "The most by which the parts may differ.", { required: true }),
    topologyKey: field(2, stringOf(checkQualifiedName), "Label of nodes; nodes with equal values are one part.", {
      required: true,
    }),
    whenUnsatisfiable: field(3, oneOf("DoNotSchedule", "ScheduleAnyway"), "Whether it is a rule or a wish.", {
      required: true,
    }),
    labelSelector: field(4, labelSelector, "Which pods are counted."),
    minDomains: field(5, { ...int32, min: 1 }, "With fewer parts than these the smallest counts as empty.", {
      pointer: true,
    }),
    nodeAffinityPolicy: field(6, inclusion, "Whether nodes that the pod's affinity rules out count.", {
      pointer: true,
    }),
    nodeTaintsPolicy: field(7, inclusion, "Whether nodes with taints that the pod does not bear count.", {
      pointer: true,
    }),
    matchLabelKeys: field(8, list(string), "Labels of the pod whose values counted pods must share."),
  },
);
export type TopologySpreadConstraint = ValueOf<typeof topologySpreadConstraint>;
