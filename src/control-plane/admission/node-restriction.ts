/**
 * What nodes must not write, as far as only the object itself tells.
 * Source: Kubernetes documentation, "Admission Controllers" (NodeRestriction).
 */
import { forbiddenError } from "#api/api-error.ts";
import { checkNodeWrite } from "../authorization/check-node-write.ts";
import type { NodePods } from "../authorization/node-authorizer.ts";
import type { AdmissionRule } from "./admission.ts";

const PLACES: ReadonlySet<string> = new Set([
  "/nodes/",
  "/nodes/status",
  "coordination.k8s.io/leases/",
  "/serviceaccounts/token",
]);

export function nodeRestriction(pods: Pick<NodePods, "pod">): AdmissionRule {
  return {
    handles: ({ operation, kind, subresource }) =>
      operation !== "delete" && PLACES.has(`${kind.group}/${kind.plural}/${subresource}`),
    admit({ target, object, old, context }) {
      const { kind, namespace, name, subresource } = target;
      const { user } = context;
      const write = { user, group: kind.group, resource: kind.plural, subresource, object, old, namespace };
      const problem = checkNodeWrite(pods, write);
      if (problem !== undefined) throw forbiddenError(kind, name ?? object.metadata.name ?? "", problem);
      return object;
    },
  };
}
