/**
 * Takes a Service's addresses and node ports: those that it asks for, and any for what it leaves to the server.
 * Works without waiting. What was taken is known to the given `taken` even when it throws, so that it can be undone.
 * Source: Kubernetes documentation, "Service"; the texts are those of the API server.
 */
import { internalError, invalidError } from "#api/api-error.ts";
import { childPath, indexPath, invalid } from "#api/field-error.ts";
import { needsHealthCheckNodePort, needsNodePort } from "#api/kinds/service/prepare-service.ts";
import type { ServicePort, ServiceSpec } from "#api/kinds/service/service-spec.ts";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { AllocationError, type IpAllocator } from "./ip-allocator.ts";
import { familyName, type IpFamilyName } from "./plan-ip-families.ts";
import type { PortAllocator } from "./port-allocator.ts";

/** What a request holds; `release` gives all of it back. */
export interface Taken {
  address(allocator: IpAllocator, address: IpAddress): void;
  port(port: number): void;
}

export interface ServiceRequest {
  readonly name: string;
  readonly spec: ServiceSpec;
  readonly old: ServiceSpec | undefined;
}

/** The families are planned, and the allocators have all of them. */
export function reserveAddresses(
  { name, spec, old }: ServiceRequest,
  allocators: readonly IpAllocator[],
  taken: Taken,
): ServiceSpec {
  const { type, clusterIPs = [], ipFamilies = [] } = spec;
  if (type === "ExternalName" || clusterIPs[0] === "None" || old?.clusterIPs?.[0] === "None") return spec;
  const kept = old === undefined || old.type === "ExternalName" ? [] : (old.clusterIPs ?? []);
  const addresses = ipFamilies.map((family, index) => {
    const asked = clusterIPs[index] ?? "";
    if (asked !== "" && kept.includes(asked)) return asked;
    return takeAddress({ name, spec, family, asked }, allocators, taken);
  });
  return { ...spec, clusterIP: addresses[0], clusterIPs: addresses };
}

interface AddressRequest {
  readonly name: string;
  readonly spec: ServiceSpec;
  readonly family: IpFamilyName;
  /** "": any. */
  readonly asked: string;
}

function takeAddress({ name, spec, family, asked }: AddressRequest, allocators: readonly IpAllocator[], taken: Taken) {
  const allocator = allocators.find((one) => familyName(one.family) === family);
  if (allocator === undefined) throw internalError(`failed to allocate a serviceIP: no range of ${family}`);
  try {
    const address = asked === "" ? allocator.holdNext() : parseAddress(asked);
    if (asked !== "") allocator.hold(address);
    taken.address(allocator, address);
    return address;
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    if (asked === "") throw internalError(`failed to allocate a serviceIP: ${error.message}`, error);
    const why = `failed to allocate IP ${asked}: ${error.message}`;
    throw invalidService(name, "spec.clusterIPs", { value: spec.clusterIPs, why });
  }
}

export function reservePorts({ name, spec, old }: ServiceRequest, ports: PortAllocator, taken: Taken): ServiceSpec {
  const kept = new Set(old === undefined ? [] : nodePortsOf(old));
  const take = (port: number): void => {
    if (kept.has(port)) return;
    ports.hold(port);
    kept.add(port);
    taken.port(port);
  };
  const takeNext = (): number => {
    const port = ports.holdNext();
    taken.port(port);
    return port;
  };
  const withPorts = needsNodePort(spec) ? { ...spec, ports: nodePorts({ name, spec }, take, takeNext) } : spec;
  return needsHealthCheckNodePort(withPorts) ? healthCheckPort(withPorts, take, takeNext) : withPorts;
}

/** Numbers that are asked for first, so that none of them is given to another port. */
function nodePorts(
  { name, spec }: Pick<ServiceRequest, "name" | "spec">,
  take: (port: number) => void,
  takeNext: () => number,
): readonly ServicePort[] {
  const { ports = [] } = spec;
  // One number serves one port with several protocols.
  const shared = new Map<number, number>();
  for (const [index, { port, nodePort = 0 }] of ports.entries()) {
    if (nodePort === 0) continue;
    try {
      take(nodePort);
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      const path = childPath(indexPath("spec.ports", index), "nodePort");
      throw invalidService(name, path, { value: nodePort, why: error.message });
    }
    if (!shared.has(port)) shared.set(port, nodePort);
  }
  if (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts === false) return ports;
  return ports.map((port) => {
    if ((port.nodePort ?? 0) !== 0) return port;
    const nodePort = shared.get(port.port) ?? named("nodePort", takeNext);
    shared.set(port.port, nodePort);
    return { ...port, nodePort };
  });
}

function healthCheckPort(spec: ServiceSpec, take: (port: number) => void, takeNext: () => number): ServiceSpec {
  const { healthCheckNodePort: asked = 0 } = spec;
  if (asked === 0) return { ...spec, healthCheckNodePort: named("HealthCheck NodePort 0", takeNext) };
  try {
    take(asked);
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw internalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${error.message}`, error);
  }
  return spec;
}

function named(what: string, takeNext: () => number): number {
  try {
    return takeNext();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw internalError(`failed to allocate a ${what}: ${error.message}`, error);
  }
}

function invalidService(name: string, path: string, { value, why }: { readonly value: unknown; readonly why: string }) {
  return invalidError({ group: "", kind: "Service" }, name, [invalid(path, value, why)]);
}

/** All node ports that a Service has, of its ports and for health checks. */
export function nodePortsOf(spec: ServiceSpec): readonly number[] {
  const { ports = [], healthCheckNodePort = 0 } = spec;
  return [...ports.map(({ nodePort = 0 }) => nodePort), healthCheckNodePort].filter((port) => port !== 0);
}

/** All addresses that a Service has. */
export function addressesOf({ type, clusterIPs = [] }: ServiceSpec): readonly IpAddress[] {
  if (type === "ExternalName") return [];
  return clusterIPs.flatMap((text) => {
    try {
      return text === "None" || text === "" ? [] : [parseAddress(text)];
    } catch {
      // Whatever is stored and is no address takes none.
      return [];
    }
  });
}
