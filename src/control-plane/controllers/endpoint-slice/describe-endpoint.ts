/**
 * A pod as an endpoint of a service. Source: Kubernetes API reference, discovery.k8s.io/v1 Endpoint; documentation,
 * "EndpointSlices" (conditions, topology information) and "Service" (traffic distribution).
 */
import type { AddressType, Endpoint, EndpointPort } from "#api/kinds/endpoint-slice.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { isReady } from "../../resources/subresources/pod-conditions.ts";
import { addressesOf, findTargetPort, hostnameIn } from "./serving-pod.ts";

export const ZONE_LABEL = "topology.kubernetes.io/zone";

/** `node` is undefined for pods that run nowhere yet. */
export function describeEndpoint(service: Service, pod: Pod, node: Node | undefined): Omit<Endpoint, "addresses"> {
  const { publishNotReadyAddresses = false, trafficDistribution } = service.spec;
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod.status);
  const terminating = deletionTimestamp !== undefined;
  const ready = publishNotReadyAddresses || (serving && !terminating);
  const { nodeName = "" } = pod.spec;
  const zone = node?.metadata.labels?.[ZONE_LABEL] ?? "";
  const hostname = hostnameIn(pod, service);
  const forZones = trafficDistribution !== undefined && zone !== "" ? [{ name: zone }] : [];
  const forNodes = trafficDistribution === "PreferSameNode" && nodeName !== "" ? [{ name: nodeName }] : [];
  const hints = { ...(forZones.length > 0 && { forZones }), ...(forNodes.length > 0 && { forNodes }) };
  return {
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName !== "" && { nodeName }),
    ...(zone !== "" && { zone }),
    ...(ready && Object.keys(hints).length > 0 && { hints }),
  };
}

export function addressesOfType(pod: Pod, type: AddressType): readonly string[] {
  return addressesOf(pod).filter((address) => address.includes(":") === (type === "IPv6"));
}

/** The ports of the service as the pod serves them; without those whose name no container has. */
export function describePorts({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  return (spec.ports ?? []).flatMap((port) => {
    const number = findTargetPort(pod, port);
    if (number === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = port;
    return [{ name, protocol, port: number, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

/** The families in which a service has endpoints. Services without addresses of their own may not say. */
export function addressTypesOf({ spec }: Service): readonly AddressType[] {
  const { ipFamilies = [], clusterIP = "" } = spec;
  if (ipFamilies.length > 0) return ipFamilies;
  if (clusterIP === "" || clusterIP === "None") return ["IPv4", "IPv6"];
  return [clusterIP.includes(":") ? "IPv6" : "IPv4"];
}

/** When the pod last became ready or ceased to be. */
export function readinessChangedAt({ status }: Pod): string | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime;
}
