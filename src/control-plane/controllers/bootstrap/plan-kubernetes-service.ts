/**
 * The service under which pods reach the API server: default/kubernetes, with endpoints that no selector makes.
 * Source: Kubernetes documentation, "Accessing the API from a Pod"; names and labels as the API server's.
 */
import type { Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Endpoints } from "#api/kinds/endpoints.ts";
import { checkEndpointAddress } from "#api/kinds/network/address.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { Draft } from "#api-client/api-client.ts";
import {
  addressToBigInt,
  bigIntToAddress,
  familyOf,
  type IpAddress,
  networkOf,
  type Prefix,
} from "#base/ip-address.ts";
import { SERVICE_NAME_LABEL } from "../endpoint-slice/plan-slices.ts";
import { SKIP_MIRROR_LABEL } from "../endpoint-slice-mirroring/plan-mirrored-slices.ts";
import { sameJson } from "../same-json.ts";

export const KUBERNETES = { namespace: "default", name: "kubernetes" } as const;

export interface ApiServerAddress {
  readonly address: IpAddress;
  readonly port: number;
}

/** The first address of the services' range, which certificates name. */
export function kubernetesServiceAddress(serviceCidr: Prefix): IpAddress {
  const { family, address } = networkOf(serviceCidr);
  return bigIntToAddress(family, addressToBigInt(address) + 1n);
}

export function kubernetesService(clusterIP: IpAddress | undefined, port: number): Draft<Service> {
  return {
    metadata: { ...KUBERNETES, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      ...(clusterIP !== undefined && { clusterIP }),
      ipFamilyPolicy: "SingleStack",
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  };
}

/** Addresses that pods can reach, of the family of the first; loopback ones are of no use to them. */
export function reachable(servers: readonly ApiServerAddress[]): readonly ApiServerAddress[] {
  const usable = servers.filter(({ address }) => checkEndpointAddress(address).length === 0);
  const [first] = usable;
  return usable.filter(({ address }) => first !== undefined && familyOf(address) === familyOf(first.address));
}

/** What must be written; undefined when it is there. Empty without servers. */
export function planKubernetesEndpoints(
  servers: readonly ApiServerAddress[],
  current: Endpoints | undefined,
): Endpoints | Draft<Endpoints> | undefined {
  const byPort = Map.groupBy(servers, ({ port }) => port);
  const subsets = [...byPort].map(([port, same]) => ({
    addresses: same.map(({ address }) => ({ ip: address })).toSorted((a, b) => (a.ip < b.ip ? -1 : 1)),
    ports: [{ name: "https", port, protocol: "TCP" as const }],
  }));
  const labels = { ...current?.metadata.labels, [SKIP_MIRROR_LABEL]: "true" };
  if (current === undefined) return { metadata: { ...KUBERNETES, labels }, subsets };
  const isSame = sameJson(current.subsets ?? [], subsets) && sameJson(current.metadata.labels, labels);
  return isSame ? undefined : { ...current, metadata: { ...current.metadata, labels }, subsets };
}

export function planKubernetesSlice(
  servers: readonly ApiServerAddress[],
  current: EndpointSlice | undefined,
): EndpointSlice | Draft<EndpointSlice> | undefined {
  const [first] = servers;
  if (first === undefined) return undefined;
  const same = servers.filter(({ port }) => port === first.port);
  const endpoints = same
    .map(({ address }): Endpoint => ({ addresses: [address], conditions: { ready: true } }))
    .toSorted((a, b) => ((a.addresses[0] ?? "") < (b.addresses[0] ?? "") ? -1 : 1));
  const addressType = familyOf(first.address) === 6 ? "IPv6" : "IPv4";
  const ports = [{ name: "https", port: first.port, protocol: "TCP" as const }];
  const labels = { ...current?.metadata.labels, [SERVICE_NAME_LABEL]: KUBERNETES.name };
  if (current === undefined) return { metadata: { ...KUBERNETES, labels }, addressType, endpoints, ports };
  const isSame =
    sameJson(current.endpoints, endpoints) &&
    sameJson(current.ports, ports) &&
    sameJson(current.metadata.labels, labels);
  // A family never changes: then the slice is made anew.
  return isSame ? undefined : { ...current, metadata: { ...current.metadata, labels }, addressType, endpoints, ports };
}
