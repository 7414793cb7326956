/** Everything that the API says about Services. */
import { isApiError } from "#api/api-error.ts";
import { clusterNetworkPolicy } from "#api/kinds/cluster-network-policy/cluster-network-policy.ts";
import { endpointSlice } from "#api/kinds/endpoint-slice.ts";
import { networkPolicy } from "#api/kinds/network-policy.ts";
import { node } from "#api/kinds/node.ts";
import { service } from "#api/kinds/service/service.ts";
import type { ApiClient } from "#api-client/api-client.ts";
import type { ServiceObjects } from "./service-checks.ts";

export async function readServiceObjects(client: ApiClient, signal: AbortSignal): Promise<ServiceObjects> {
  const [services, slices, nodes, policies, clusterPolicies] = await Promise.all([
    client.list(service, {}, signal),
    client.list(endpointSlice, {}, signal),
    client.list(node, {}, signal),
    client.list(networkPolicy, {}, signal),
    client.list(clusterNetworkPolicy, {}, signal).catch(noneWhereUnknown),
  ]);
  return {
    services: services.items,
    slices: slices.items,
    nodes: nodes.items,
    restricted: new Set(policies.items.map(({ metadata }) => metadata.namespace ?? "")),
    hasClusterPolicies: clusterPolicies.items.length > 0,
  };
}

/** Not every API server knows that kind. */
function noneWhereUnknown(error: unknown): { readonly items: readonly never[] } {
  if (isApiError(error) && error.reason === "NotFound") return { items: [] };
  throw error;
}
