/**
 * What of a pod counts for the services that select it. Source: Kubernetes documentation, "Service" (defining a
 * service, named ports), "EndpointSlices" (conditions), "DNS for Services and Pods" (hostname and subdomain).
 */
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { ServicePort } from "#api/kinds/service/service-spec.ts";
import { isReady } from "../../resources/subresources/pod-conditions.ts";

/** It has an address, has not ended for good, and is not on its way out unless those count, too. */
export function isServing(pod: Pod, { includesTerminating }: { readonly includesTerminating: boolean }): boolean {
  const { phase } = pod.status ?? {};
  if (phase === "Failed" || phase === "Succeeded") return false;
  if (addressesOf(pod).length === 0) return false;
  return includesTerminating || pod.metadata.deletionTimestamp === undefined;
}

export function addressesOf({ status }: Pod): readonly string[] {
  const { podIP = "", podIPs = [] } = status ?? {};
  if (podIPs.length > 0) return podIPs.map(({ ip }) => ip);
  return podIP === "" ? [] : [podIP];
}

/** The pod's name in the service's domain; undefined when it has none. */
export function hostnameIn({ metadata, spec }: Pod, service: Service): string | undefined {
  const { hostname = "", subdomain } = spec;
  const isNamed = hostname !== "" && subdomain === service.metadata.name;
  return isNamed && metadata.namespace === service.metadata.namespace ? hostname : undefined;
}

/** The number of the port that the pod serves for the service; undefined when no container has one of that name. */
export function findTargetPort({ spec }: Pod, { targetPort, port, protocol = "TCP" }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === "") return port;
  if (typeof targetPort === "number") return targetPort;
  // Sidecars serve as the other containers do.
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const { ports = [] } of [...(spec.containers ?? []), ...sidecars]) {
    const found = ports.find(({ name, protocol: own = "TCP" }) => name === targetPort && own === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** Whether a change of the pod can change what its services say about it. */
export function isChangedForServices(pod: Pod, old: Pod): boolean {
  const [a, b] = [facetsOf(pod), facetsOf(old)];
  return a.some((facet, index) => facet !== b[index]);
}

function facetsOf(pod: Pod): readonly unknown[] {
  const { metadata, spec, status } = pod;
  return [
    metadata.uid,
    metadata.deletionTimestamp === undefined,
    status?.phase,
    addressesOf(pod).join(),
    isReady(status),
    spec.nodeName,
    spec.hostname,
    spec.subdomain,
  ];
}
