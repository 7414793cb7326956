/**
 * What the server sets in a pod beyond the defaults of single fields, which templates do not get. Source: the
 * defaults and the creation of core/v1 Pods in the API server.
 */
import type { Container } from "./container.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { PodStatus } from "./pod-status.ts";
import { qosClassOf } from "./qos-class.ts";
import type { ResourceRequirements } from "./resource-requirements.ts";

export const GATED_TEXT = "Scheduling is blocked due to non-empty scheduling gates";

/** The spec of a pod, with what depends on several fields. Returns the same object when nothing is missing. */
export function completePodSpec(spec: PodSpec): PodSpec {
  const { serviceAccountName } = spec;
  const isOnNodeNetwork = spec.hostNetwork === true;
  // Absent when validation is about to say so.
  const containers = completeContainers(spec.containers ?? [], { isOnNodeNetwork });
  const initContainers = completeContainers(spec.initContainers ?? [], { isOnNodeNetwork });
  const changes: Partial<PodSpec> = {
    ...(containers !== spec.containers && spec.containers !== undefined && { containers }),
    ...(initContainers !== spec.initContainers && spec.initContainers !== undefined && { initContainers }),
    ...(spec.enableServiceLinks === undefined && { enableServiceLinks: true }),
    ...(spec.serviceAccount !== serviceAccountName && { serviceAccount: serviceAccountName }),
  };
  return Object.keys(changes).length === 0 ? spec : { ...spec, ...changes };
}

/** Of a pod that has just been created. */
export function initialPodStatus(spec: PodSpec, creationTimestamp: string | undefined): PodStatus {
  const isGated = (spec.schedulingGates ?? []).length > 0;
  return {
    phase: "Pending",
    ...(isGated && {
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          lastTransitionTime: creationTimestamp,
          reason: "SchedulingGated",
          message: GATED_TEXT,
        },
      ],
    }),
    ...(spec.containers !== undefined && { qosClass: qosClassOf(spec) }),
  };
}

function completeContainers(
  containers: readonly Container[],
  { isOnNodeNetwork }: { readonly isOnNodeNetwork: boolean },
): readonly Container[] {
  const completed = containers.map((container) => {
    const resources = container.resources && withRequests(container.resources);
    const ports = isOnNodeNetwork ? withHostPorts(container.ports) : container.ports;
    if (resources === container.resources && ports === container.ports) return container;
    return { ...container, resources, ports };
  });
  return completed.every((container, index) => container === containers[index]) ? containers : completed;
}

/** What a container may use, it also asks for, where it does not say. */
function withRequests(resources: ResourceRequirements): ResourceRequirements {
  const { limits = {}, requests = {} } = resources;
  const isComplete = Object.keys(limits).every((name) => name in requests);
  return isComplete ? resources : { ...resources, requests: { ...limits, ...requests } };
}

function withHostPorts(ports: Container["ports"]): Container["ports"] {
  const isMissing = ({ hostPort = 0 }: { readonly hostPort?: number | undefined }) => hostPort === 0;
  if (ports === undefined || !ports.some(isMissing)) return ports;
  return ports.map((port) => (isMissing(port) ? { ...port, hostPort: port.containerPort } : port));
}
