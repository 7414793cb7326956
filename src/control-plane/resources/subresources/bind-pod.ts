/** pods/binding: the scheduler puts a pod on a node. A pod is bound once. Source: Kubernetes API reference, core/v1 Binding. */
import { badRequestError, conflictError, invalidError } from "#api/api-error.ts";
import type { KubeObject } from "#api/kind.ts";
import { type Binding, binding } from "#api/kinds/binding.ts";
import { type Pod, pod as podKind } from "#api/kinds/pod/pod.ts";
import { applyDefaults } from "#api/schema/defaults.ts";
import { validateObject } from "#api/schema/validate.ts";
import type { JsonValue } from "#base/json.ts";
import { nameOf } from "../place.ts";
import { checkUid } from "../plan-update.ts";
import { inNamespace, readObject } from "../read-body.ts";
import type { RequestContext, Target } from "../resource-api.ts";
import type { ResourceDeps } from "../resource-deps.ts";
import { asKind } from "../stored-object.ts";
import { updateObject } from "../update-object.ts";
import { withCondition } from "./pod-conditions.ts";
import { successStatus } from "./success-status.ts";

export async function bindPod(
  deps: ResourceDeps,
  target: Target,
  body: JsonValue,
  context: RequestContext,
): Promise<KubeObject> {
  const wanted = applyDefaults(binding, inNamespace(readObject(binding, body, context), target));
  const { name = nameOf(target) } = wanted.metadata;
  if (name !== nameOf(target)) throw badRequestError("name in URL does not match name in Binding object");
  const errors = validateObject(binding, wanted);
  if (errors.length > 0) throw invalidError(binding, name, errors);
  await updateObject(deps, {
    target,
    part: "all",
    // As in Kubernetes, nobody manages a pod's nodeName.
    isTracked: true,
    desired(current) {
      checkUid({ kind: podKind, current, desired: wanted, part: "all" });
      return planBinding(asKind(podKind, current), wanted, deps.clock());
    },
    context,
  });
  return successStatus(201);
}

/** The pod on its node. Throws a 409 when it cannot be bound any more. */
export function planBinding(pod: Pod, { metadata, target }: Binding, now: Date): Pod {
  const { name = "", annotations } = pod.metadata;
  const refuse = (why: string): never => {
    throw conflictError({ group: "", plural: "pods/binding" }, name, why);
  };
  if (pod.metadata.deletionTimestamp !== undefined) {
    refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  }
  const { nodeName = "", schedulingGates = [] } = pod.spec;
  if (nodeName !== "") refuse(`pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`);
  if (schedulingGates.length > 0) refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(metadata.annotations !== undefined && { annotations: { ...annotations, ...metadata.annotations } }),
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    },
    spec: { ...pod.spec, nodeName: target.name },
    status: withCondition(pod.status, { type: "PodScheduled", status: "True" }, now),
  };
}
