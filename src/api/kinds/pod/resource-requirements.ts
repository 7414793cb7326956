/** What a container may use of a node. Source: Kubernetes API reference, core/v1 ResourceRequirements. */
import { field, listBy, mapOf, object, quantity, string, type ValueOf } from "../../schema/schema.ts";

/** Amounts by the name of the resource: cpu, memory, ephemeral-storage, hugepages-2Mi, example.com/gpu. */
export const resourceList = mapOf(quantity);
export type ResourceList = ValueOf<typeof resourceList>;

const resourceClaim = object("io.k8s.api.core.v1.ResourceClaim", "Names one of the pod's resource claims.", {
  name: field(1, string, "Name of an entry in the pod's resourceClaims.", { required: true }),
  request: field(2, string, "Which request of the claim; empty for all."),
});

export const resourceRequirements = object(
  "io.k8s.api.core.v1.ResourceRequirements",
  "How much a container needs, and how much it may use at most.",
  {
    limits: field(1, resourceList, "The most it may use."),
    requests: field(2, resourceList, "What is set aside for it on the node; in a pod its limits where not given."),
    claims: field(3, listBy(resourceClaim, ["name"]), "Resource claims of the pod that it uses."),
  },
);
export type ResourceRequirements = ValueOf<typeof resourceRequirements>;
