/** The condition of ReplicaSets, DaemonSets and StatefulSets. Source: Kubernetes API reference, apps/v1. */
import { conditionStatus } from "../../meta/condition.ts";
import { field, object, string, time } from "../../schema/schema.ts";

/** Each kind has its own message with the same members. `name`: "io.k8s.api.apps.v1.ReplicaSetCondition". */
export function workloadCondition(name: string) {
  return object(name, "One aspect of the object's state.", {
    type: field(1, string, "Name of the aspect.", { required: true }),
    status: field(2, conditionStatus, "Whether it holds.", { required: true }),
    lastTransitionTime: field(3, time, "When status last changed."),
    reason: field(4, string, "One word for programs."),
    message: field(5, string, "A sentence for people."),
  });
}
