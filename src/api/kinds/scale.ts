/**
 * How large a workload is: the body of its scale subresource. Source: Kubernetes API reference, autoscaling/v1 Scale.
 */
import { defineKind, type ObjectOf } from "../kind.ts";
import { field, object, string } from "../schema/schema.ts";
import { ALWAYS_WRITTEN, count } from "./workload/count.ts";

const spec = object("io.k8s.api.autoscaling.v1.ScaleSpec", "How large the workload should be.", {
  replicas: field(1, count, "Number of pods wanted."),
});

const status = object("io.k8s.api.autoscaling.v1.ScaleStatus", "How large the workload is.", {
  replicas: field(1, count, "Number of its pods.", ALWAYS_WRITTEN),
  selector: field(2, string, "Labels of its pods, as text."),
});

export type Scale = ObjectOf<typeof scale>;

/** Not a resource of its own: it has no verbs. */
export const scale = defineKind({
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  plural: "scales",
  doc: "How large a workload is.",
  verbs: [],
  hasStatus: false,
  fields: {
    spec: field(2, spec, "How large the workload should be.", { default: {} }),
    status: field(3, status, "How large the workload is.", { default: {} }),
  },
});
