/**
 * What Services and EndpointSlices are compiled from, and nothing else of them: a node has all of the cluster's in memory.
 * An endpoint that is ready, as nearly all are, is an address and the name of a node. Pure.
 */
import type { Endpoint, EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { PROXY_NAME_LABEL } from "./compile-service.ts";
import { SERVICE_NAME_LABEL } from "./service-index.ts";

type Metadata = Service["metadata"];

export function slimService({ apiVersion, kind, metadata, spec, status }: Service): Service {
  const { selector: _selector, ipFamilies: _families, ...kept } = spec;
  const ingress = status?.loadBalancer?.ingress;
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata, PROXY_NAME_LABEL),
    spec: kept,
    ...(ingress !== undefined && { status: { loadBalancer: { ingress } } }),
  };
}

export function slimSlice({ apiVersion, kind, metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return {
    apiVersion,
    kind,
    metadata: slimMetadata(metadata, SERVICE_NAME_LABEL),
    addressType,
    endpoints: endpoints.map(slimEndpoint),
    ports: shared(ports),
  };
}

function slimEndpoint({ addresses, conditions, nodeName, hints }: Endpoint): Endpoint {
  // All addresses of an endpoint are the same thing: one is enough.
  const one = addresses.length > 1 ? addresses.slice(0, 1) : addresses;
  const { ready, serving, terminating } = conditions ?? {};
  const isReady = ready !== false && serving !== false && terminating !== true;
  if (isReady && hints === undefined && nodeName !== undefined) return { addresses: one, nodeName: shared(nodeName) };
  return {
    addresses: one,
    ...(!isReady && conditions !== undefined && { conditions: shared(conditions) }),
    ...(nodeName !== undefined && { nodeName: shared(nodeName) }),
    ...(hints !== undefined && { hints: shared(hints) }),
  };
}

function slimMetadata({ name, namespace, uid, resourceVersion, labels }: Metadata, label: string): Metadata {
  const value = labels?.[label];
  // Frozen: who makes keys of it shares them.
  return Object.freeze({
    ...(name !== undefined && { name }),
    ...(namespace !== undefined && { namespace: shared(namespace) }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(value !== undefined && { labels: { [label]: value } }),
  });
}

/** Values that thousands of objects have alike, by their text. */
const known = new Map<string, unknown>();
/** Names of nodes that are gone stay until then; nothing is lost but what they share. */
const MAX_KNOWN = 10_000;

/** The same value, and for all that are alike the one object. */
function shared<T>(value: T): T {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const key = typeof value === "string" ? ` ${text}` : text;
  // What is under a text was read from the same text.
  const same = known.get(key) as T | undefined;
  if (same !== undefined) return same;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(key, value);
  return value;
}
