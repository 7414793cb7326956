/** What is checked of Services, and the objects that say how it has to be. */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Node } from "#api/kinds/node.ts";
import type { Service } from "#api/kinds/service/service.ts";

export const SERVICE_CHECKS = {
  "cluster-ip": "clusterIPs lead to the Service's endpoints",
  "node-port": "node ports lead to the Service's endpoints",
  "external-address": "externalIPs and load balancers' addresses lead to the Service's endpoints",
  "no-endpoints": "without endpoints connections are refused, or dropped where only local ones count",
  distribution: "each endpoint gets its share of connections",
  affinity: "a client with session affinity stays at one endpoint",
  "source-address": "endpoints see the client's address where it has to be kept",
  dns: "names of Services resolve in pods",
} as const;
export type ServiceCheckName = keyof typeof SERVICE_CHECKS;

export interface ServiceObjects {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly nodes: readonly Node[];
  /** Namespaces with a NetworkPolicy: what is denied there is no fault of a Service. */
  readonly restricted: ReadonlySet<string>;
  /** There are policies of the whole cluster. */
  readonly hasClusterPolicies: boolean;
}

export function slicesOf({ slices }: ServiceObjects, { metadata }: Service): readonly EndpointSlice[] {
  return slices.filter(
    (slice) =>
      slice.metadata.namespace === metadata.namespace &&
      slice.metadata.labels?.["kubernetes.io/service-name"] === metadata.name,
  );
}

export function serviceKey({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`;
}
