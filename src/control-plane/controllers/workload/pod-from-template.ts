/** A pod as a workload wants it: the template, belonging to its owner. */
import type { KindNames, KubeObject } from "#api/kind.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { PodTemplateSpec } from "#api/kinds/pod/pod-template.ts";
import type { Draft } from "#api-client/api-client.ts";
import { controllerReference } from "./controller-reference.ts";

/** Its name is made by the server, from the owner's. */
export function podFromTemplate(kind: KindNames, owner: KubeObject, { metadata, spec }: PodTemplateSpec): Draft<Pod> {
  return {
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      ...(metadata?.annotations !== undefined && { annotations: metadata.annotations }),
      ...(metadata?.finalizers !== undefined && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerReference(kind, owner)],
    },
    spec,
  };
}
