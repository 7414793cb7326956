/** Objects as the API has them, as far as DNS looks at them. */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { ServiceSpec } from "#api/kinds/service/service-spec.ts";
import { type ClusterZone, createClusterZone, SERVICE_NAME_LABEL } from "../zone/create-cluster-zone.ts";

export function testZone(...namespaces: readonly string[]): ClusterZone {
  const zone = createClusterZone({ domain: "cluster.local", startedAt: 1 });
  for (const name of ["default", ...namespaces]) zone.setNamespace(name);
  return zone;
}

export function serviceObject(path: string, spec: Partial<ServiceSpec>): Service {
  const [namespace = "", name = ""] = path.split("/");
  const whole = { type: "ClusterIP", sessionAffinity: "None", ...spec } as ServiceSpec; // the rest is as the server fills it
  return { apiVersion: "v1", kind: "Service", metadata: { namespace, name }, spec: whole, status: {} };
}

export interface TestEndpoint {
  readonly address: string;
  readonly hostname?: string;
  readonly ready?: boolean;
}

export interface TestSlice {
  readonly service: string;
  readonly name?: string;
  readonly endpoints: readonly TestEndpoint[];
  readonly ports?: EndpointSlice["ports"];
}

export function sliceObject({ service, name, endpoints, ports = [] }: TestSlice): EndpointSlice {
  const [namespace = "", serviceName = ""] = service.split("/");
  const isIpv6 = endpoints[0]?.address.includes(":") ?? false;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace, name: name ?? `${serviceName}-1`, labels: { [SERVICE_NAME_LABEL]: serviceName } },
    addressType: isIpv6 ? "IPv6" : "IPv4",
    endpoints: endpoints.map(({ address, hostname, ready = true }) => ({
      addresses: [address],
      conditions: { ready },
      ...(hostname !== undefined && { hostname }),
    })),
    ports: [...ports],
  };
}
