/** What DNS keeps of objects: a node has all of the cluster's in memory, and looks at a small part of each. Pure. */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { SERVICE_NAME_LABEL } from "#dns/zone/create-cluster-zone.ts";
import { MANAGED_BY_LABEL } from "./decide-serving.ts";

export function slimSlice(slice: EndpointSlice): EndpointSlice {
  const { apiVersion, kind, metadata, addressType, endpoints, ports } = slice;
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata),
    addressType,
    endpoints: endpoints.map(({ addresses, conditions, hostname }) => ({
      addresses,
      ...(conditions?.ready === false && { conditions: { ready: false } }),
      ...(hostname !== undefined && { hostname }),
    })),
    ports: ports.map(({ name, protocol, port }) => ({
      ...(name !== undefined && { name }),
      ...(protocol !== undefined && { protocol }),
      ...(port !== undefined && { port }),
    })),
  };
}

export function slimService(service: Service): Service {
  return { ...service, metadata: slimMetadata(service.metadata), status: {} };
}

function slimMetadata({
  name,
  namespace,
  uid,
  resourceVersion,
  labels = {},
}: Service["metadata"]): Service["metadata"] {
  const kept = [SERVICE_NAME_LABEL, MANAGED_BY_LABEL].flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(kept.length > 0 && { labels: Object.fromEntries(kept) }),
  };
}
