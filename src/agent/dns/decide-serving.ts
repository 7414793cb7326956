/**
 * Whether this node serves the cluster's names itself, and at which addresses. Another name server behind the same
 * Service, CoreDNS as a rule, is left alone: a local address would take its clients away. Pure.
 */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { IpAddress } from "#base/ip-address.ts";
import { clusterIpsOf } from "#dns/zone/service-records.ts";

export const DNS_SERVICE = { namespace: "kube-system", name: "kube-dns" } as const;
/** Who writes a slice; ours says that each node serves itself. Source: Kubernetes documentation, "EndpointSlices". */
export const MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by";
export const MANAGED_BY = "podwire-dns";

export type Serving =
  | { readonly state: "on"; readonly addresses: readonly IpAddress[] }
  | { readonly state: "off"; readonly reason: string };

export interface ServingFacts {
  /** Told when it was started; none: those of the Service. */
  readonly addresses: readonly IpAddress[];
  readonly service: Service | undefined;
  /** Of the Service. */
  readonly slices: readonly EndpointSlice[];
}

export function decideServing({ addresses, service, slices }: ServingFacts): Serving {
  const name = `${DNS_SERVICE.namespace}/${DNS_SERVICE.name}`;
  const foreign = slices.find((slice) => !isOurs(slice) && slice.endpoints.length > 0);
  if (foreign !== undefined) {
    const [first] = foreign.endpoints[0]?.addresses ?? [];
    return { state: "off", reason: `Service ${name} is served by others, such as ${first}` };
  }
  const wanted = addresses.length > 0 ? addresses : service === undefined ? [] : clusterIpsOf(service);
  if (wanted.length > 0) return { state: "on", addresses: wanted };
  return {
    state: "off",
    reason: service === undefined ? `there is no Service ${name}` : `Service ${name} has no address`,
  };
}

function isOurs({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}
