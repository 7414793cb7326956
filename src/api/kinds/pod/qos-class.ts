/** How a pod is treated when its node runs short. Source: Kubernetes documentation, "Pod Quality of Service Classes". */
import { parseQuantity } from "../../quantity.ts";
import type { PodSpec } from "./pod-spec.ts";
import type { QosClass } from "./pod-status.ts";
import type { ResourceRequirements } from "./resource-requirements.ts";

const COUNTED = ["cpu", "memory"];

/** Guaranteed: every container has limits of CPU and memory, and requests as much. BestEffort: none has any. */
export function qosClassOf(spec: PodSpec): QosClass {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const pod = spec.resources;
  if (pod !== undefined && hasAny(pod)) return isGuaranteed(pod) ? "Guaranteed" : "Burstable";
  if (!containers.some(({ resources = {} }) => hasAny(resources))) return "BestEffort";
  return containers.every(({ resources = {} }) => isGuaranteed(resources)) ? "Guaranteed" : "Burstable";
}

function hasAny({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return COUNTED.some((name) => amount(requests[name]) > 0n || amount(limits[name]) > 0n);
}

function isGuaranteed({ requests = {}, limits = {} }: ResourceRequirements): boolean {
  return COUNTED.every((name) => {
    const limit = amount(limits[name]);
    return limit > 0n && amount(requests[name] ?? limits[name]) === limit;
  });
}

function amount(text: string | undefined): bigint {
  return text === undefined ? 0n : parseQuantity(text).nanos;
}
