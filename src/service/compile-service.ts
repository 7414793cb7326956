/**
 * What this node does with the traffic of a Service, from the objects: one ServicePort for each port and family.
 * Headless Services, those of type ExternalName and those of another proxy give nothing. Pure.
 * Source: Kubernetes documentation, "Service" and "Virtual IPs and Service Proxies"; where that leaves a choice, the
 * behaviour of kube-proxy.
 */
import type { EndpointSlice } from "#api/kinds/endpoint-slice.ts";
import type { Service } from "#api/kinds/service/service.ts";
import type { ServicePort as ApiPort } from "#api/kinds/service/service-spec.ts";
import type { Family, IpAddress } from "#base/ip-address.ts";
import { chooseEndpoints, type ServiceNode } from "./choose-endpoints.ts";
import { type ServiceAddresses, serviceAddresses } from "./service-addresses.ts";
import { createEndpointReader, isPortNumber, type ServiceEndpoint } from "./service-endpoints.ts";
import type { Backend, Frontend, ServicePort } from "./service-port.ts";

/** For a load balancer that wants to know which nodes have pods of a Service. */
export interface HealthCheck {
  readonly namespace: string;
  readonly name: string;
  /** Service.spec.healthCheckNodePort */
  readonly port: number;
  /** Ready ones on this node. */
  readonly localEndpoints: number;
}

export interface CompiledService {
  readonly ports: readonly ServicePort[];
  /**
   * For each id without connections of its own (UDP) or with long ones (SCTP): whom flows may go on with. More than the
   * ServicePort's, since an endpoint that is going away keeps the flows it has.
   */
  readonly flowBackends: ReadonlyMap<string, readonly Backend[]>;
  readonly healthCheck?: HealthCheck | undefined;
  /** What the objects say and cannot be, each as a sentence. */
  readonly skipped: readonly string[];
}

/** A Service with this label is another proxy's business. */
export const PROXY_NAME_LABEL = "service.kubernetes.io/service-proxy-name";
const FAMILIES: readonly Family[] = [4, 6];
/** Of the API: three hours by default, a day at most. */
const AFFINITY_SECONDS = { default: 10_800, max: 86_400 } as const;

export const NOTHING: CompiledService = { ports: [], flowBackends: new Map(), skipped: [] };

/** `slices`: all of the Service. */
export function compileService(service: Service, slices: readonly EndpointSlice[], node: ServiceNode): CompiledService {
  if (!isProxied(service)) return NOTHING;
  const addresses = serviceAddresses(service);
  const skipped = [...addresses.skipped];
  const reader = createEndpointReader(slices, new Set(addresses.frontends.flatMap(({ address }) => address ?? [])));
  const ports: ServicePort[] = [];
  const flowBackends = new Map<string, readonly Backend[]>();
  const localReady = new Map<Family, Set<IpAddress>>();
  for (const port of service.spec.ports ?? []) {
    const { name = "", protocol = "TCP" } = port;
    if (!isPortNumber(port.port)) {
      skipped.push(`port "${name}" is ${port.port}, not between 1 and 65535`);
      continue;
    }
    for (const family of FAMILIES) {
      const frontends = frontendsOf(port, family, addresses);
      if (frontends.length === 0) continue;
      const endpoints = reader.read({ family, portName: name, protocol, nodeName: node.name });
      const { cluster, local } = chooseEndpoints(endpoints, node);
      const id = `${service.metadata.namespace}/${service.metadata.name}:${name}/${protocol}/${family}`;
      ports.push({
        id,
        family,
        protocol,
        frontends,
        cluster: cluster.map(backendOf),
        local: frontends.some(({ traffic }) => traffic === "local") ? local.map(backendOf) : [],
        ...affinityOf(service),
      });
      if (protocol !== "TCP") flowBackends.set(id, endpoints.filter(({ isServing }) => isServing).map(backendOf));
      const ready = localReady.get(family) ?? new Set();
      for (const { isLocal, isReady, address } of endpoints) if (isLocal && isReady) ready.add(address);
      localReady.set(family, ready);
    }
  }
  return {
    ports,
    flowBackends: flowBackends.size === 0 ? NOTHING.flowBackends : flowBackends,
    healthCheck: healthCheckOf(service, localReady),
    skipped: [...skipped, ...reader.skipped()],
  };
}

export function isProxied({ metadata, spec }: Service): boolean {
  const { clusterIP = "", type } = spec;
  if (metadata.labels?.[PROXY_NAME_LABEL] !== undefined) return false;
  return type !== "ExternalName" && clusterIP !== "" && clusterIP !== "None";
}

/** An address that comes twice is served once: where clients are limited, so are they by the other name. */
function frontendsOf(port: ApiPort, family: Family, addresses: ServiceAddresses): readonly Frontend[] {
  const { nodePort = 0 } = port;
  const found = new Map<string, Frontend>();
  for (const { family: addressFamily, ...frontend } of addresses.frontends) {
    if (addressFamily !== family) continue;
    if (frontend.kind !== "nodePort") {
      const { address = "", sourceRanges } = frontend;
      if (sourceRanges !== undefined || !found.has(address)) found.set(address, { ...frontend, port: port.port });
    } else if (isPortNumber(nodePort)) found.set("", { ...frontend, port: nodePort });
  }
  return [...found.values()];
}

function affinityOf({ spec }: Service): Pick<ServicePort, "affinityTimeoutSeconds"> {
  if (spec.sessionAffinity !== "ClientIP") return {};
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS.default;
  return { affinityTimeoutSeconds: Math.min(Math.max(seconds, 1), AFFINITY_SECONDS.max) };
}

/** A pod with addresses of both families is one endpoint. */
function healthCheckOf(
  { metadata, spec }: Service,
  localReady: ReadonlyMap<Family, ReadonlySet<IpAddress>>,
): HealthCheck | undefined {
  const { healthCheckNodePort: port = 0, type, externalTrafficPolicy } = spec;
  if (type !== "LoadBalancer" || externalTrafficPolicy !== "Local" || !isPortNumber(port)) return undefined;
  const localEndpoints = Math.max(0, ...[...localReady.values()].map(({ size }) => size));
  return { namespace: metadata.namespace ?? "", name: metadata.name ?? "", port, localEndpoints };
}

function backendOf({ address, port }: ServiceEndpoint): Backend {
  return { address, port };
}
