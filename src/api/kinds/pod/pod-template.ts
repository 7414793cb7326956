/** What pods are made from in workload kinds. Source: Kubernetes API reference, core/v1 PodTemplateSpec. */
import { objectMeta } from "../../meta/object-meta.ts";
import { field, object, type ValueOf } from "../../schema/schema.ts";
import { podSpec } from "./pod-spec.ts";

export const podTemplateSpec = object("io.k8s.api.core.v1.PodTemplateSpec", "What pods are made from.", {
  metadata: field(1, objectMeta, "Labels and annotations of the pods."),
  spec: field(2, podSpec, "What the pods should be.", { required: true, default: {} }),
});
export type PodTemplateSpec = ValueOf<typeof podTemplateSpec>;
