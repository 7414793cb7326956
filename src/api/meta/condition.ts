/** The condition of newer kinds. Source: Kubernetes API reference, meta/v1 Condition. */
import { field, int64, object, oneOf, string, time, type ValueOf } from "../schema/schema.ts";

export const conditionStatus = oneOf("True", "False", "Unknown");

export const condition = object("io.k8s.apimachinery.pkg.apis.meta.v1.Condition", "One aspect of an object's state.", {
  type: field(1, string, "Name of the aspect.", { required: true }),
  status: field(2, conditionStatus, "Whether it holds.", { required: true }),
  observedGeneration: field(3, int64, "Generation of the object that this was found for."),
  lastTransitionTime: field(4, time, "When status last changed.", { required: true }),
  reason: field(5, string, "One word for programs.", { required: true }),
  message: field(6, string, "A sentence for people; may be empty.", { required: true, default: "" }),
});
export type Condition = ValueOf<typeof condition>;
