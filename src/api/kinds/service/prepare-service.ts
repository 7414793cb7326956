/**
 * What the server sets in a service before it looks at it: clients may know only one of clusterIP and clusterIPs, may
 * leave out what was allocated, and may change the type without clearing what belongs to the old one.
 * Source: Kubernetes documentation, "Service" and "IPv4/IPv6 dual-stack"; the behaviour of the API server.
 */
import { jsonEqual } from "../../schema/json-equal.ts";
import type { ServicePort, ServiceSpec } from "./service-spec.ts";

export function prepareSpec(spec: ServiceSpec): ServiceSpec {
  const { clusterIP = "", clusterIPs = [] } = spec;
  const prepared = withoutIdleAffinityConfig(spec);
  return clusterIP !== "" && clusterIPs.length === 0 ? { ...prepared, clusterIPs: [clusterIP] } : prepared;
}

export function prepareSpecUpdate(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const steps = [keepAllocated, alignClusterIps, dropWhatTypeHasNot, dropSecondFamily];
  return steps.reduce((value, step) => step(value, old), withoutIdleAffinityConfig(spec));
}

export function needsNodePort({ type }: ServiceSpec): boolean {
  return type === "NodePort" || type === "LoadBalancer";
}

export function needsHealthCheckNodePort({ type, externalTrafficPolicy }: ServiceSpec): boolean {
  return type === "LoadBalancer" && externalTrafficPolicy === "Local";
}

/** Whether it takes connections from outside the cluster. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return needsNodePort(spec) || (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0);
}

function isLoadBalancer({ type }: ServiceSpec): boolean {
  return type === "LoadBalancer";
}

function needsClusterIp({ type }: ServiceSpec): boolean {
  return type !== "ExternalName";
}

function withoutIdleAffinityConfig(spec: ServiceSpec): ServiceSpec {
  if (spec.sessionAffinity !== "None" || spec.sessionAffinityConfig === undefined) return spec;
  const { sessionAffinityConfig: _idle, ...rest } = spec;
  return rest;
}

/** A client that replaces the whole object need not know what was allocated. */
function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const { clusterIP = "", clusterIPs = [], healthCheckNodePort = 0 } = spec;
  const keepsClusterIp = needsClusterIp(old) && needsClusterIp(spec);
  const address = clusterIP === "" && keepsClusterIp ? (old.clusterIP ?? "") : clusterIP;
  const keepsHealthCheck = healthCheckNodePort === 0 && needsHealthCheckNodePort(old) && needsHealthCheckNodePort(spec);
  return {
    ...spec,
    ...(address !== "" && { clusterIP: address }),
    ...(keepsClusterIp &&
      clusterIPs.length === 0 &&
      address === (old.clusterIP ?? "") &&
      old.clusterIPs !== undefined && { clusterIPs: old.clusterIPs }),
    ...(needsNodePort(old) && needsNodePort(spec) && spec.ports !== undefined && { ports: keepNodePorts(spec, old) }),
    ...(keepsHealthCheck && old.healthCheckNodePort !== undefined && { healthCheckNodePort: old.healthCheckNodePort }),
  };
}

/** By the names of the ports, unless another port has the number now. */
function keepNodePorts({ ports = [] }: ServiceSpec, old: ServiceSpec): readonly ServicePort[] {
  const before = new Map((old.ports ?? []).map(({ name = "", nodePort = 0 }) => [name, nodePort]));
  const used = new Set(ports.map(({ nodePort = 0 }) => nodePort));
  return ports.map((port) => {
    const known = before.get(port.name ?? "") ?? 0;
    if ((port.nodePort ?? 0) !== 0 || known === 0 || used.has(known)) return port;
    used.add(known);
    return { ...port, nodePort: known };
  });
}

/** Of the two fields for one thing, the one that changed counts. */
function alignClusterIps(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const { clusterIP = "", clusterIPs = [] } = spec;
  if (clusterIP === (old.clusterIP ?? "") || !jsonEqual(clusterIPs, old.clusterIPs ?? [])) return spec;
  if (clusterIP !== "") return { ...spec, clusterIPs: [clusterIP] };
  const { clusterIPs: _cleared, ...rest } = spec;
  return rest;
}

/** What belongs to the old type goes, when the client did not touch it as well. */
function dropWhatTypeHasNot(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const { healthCheckNodePort, allocateLoadBalancerNodePorts, loadBalancerClass, externalTrafficPolicy, ...rest } =
    needsClusterIp(old) && !needsClusterIp(spec) ? dropAddresses(spec, old) : spec;
  const isIdle = (needs: (value: ServiceSpec) => boolean) => needs(old) && !needs(spec);
  const hasIdleNodePorts = isIdle(needsNodePort) && hasNoNewNodePort(spec, old);
  const keepsHealthCheck = !isIdle(needsHealthCheckNodePort) || healthCheckNodePort !== old.healthCheckNodePort;
  const keepsAllocation =
    !isIdle(isLoadBalancer) || allocateLoadBalancerNodePorts !== old.allocateLoadBalancerNodePorts;
  const keepsClass = !isIdle(isLoadBalancer) || loadBalancerClass !== old.loadBalancerClass;
  const keepsTraffic = !isIdle(isExternallyAccessible) || externalTrafficPolicy !== old.externalTrafficPolicy;
  return {
    ...rest,
    ...(hasIdleNodePorts && rest.ports !== undefined && { ports: rest.ports.map(withoutNodePort) }),
    ...(keepsHealthCheck && healthCheckNodePort !== undefined && { healthCheckNodePort }),
    ...(keepsAllocation && allocateLoadBalancerNodePorts !== undefined && { allocateLoadBalancerNodePorts }),
    ...(keepsClass && loadBalancerClass !== undefined && { loadBalancerClass }),
    ...(keepsTraffic && externalTrafficPolicy !== undefined && { externalTrafficPolicy }),
  };
}

function withoutNodePort({ nodePort: _released, ...port }: ServicePort): ServicePort {
  return port;
}

function dropAddresses(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ...rest } = spec;
  const isTouched = (clusterIP ?? "") !== (old.clusterIP ?? "") || !jsonEqual(clusterIPs ?? [], old.clusterIPs ?? []);
  const hasNewFamilies = !jsonEqual(ipFamilies ?? [], old.ipFamilies ?? []);
  return {
    ...rest,
    ...(isTouched && clusterIP !== undefined && { clusterIP }),
    ...(isTouched && clusterIPs !== undefined && { clusterIPs }),
    ...(hasNewFamilies && ipFamilies !== undefined && { ipFamilies }),
    ...(ipFamilyPolicy !== undefined && ipFamilyPolicy !== old.ipFamilyPolicy && { ipFamilyPolicy }),
  };
}

function hasNoNewNodePort({ ports = [] }: ServiceSpec, old: ServiceSpec): boolean {
  const before = new Set((old.ports ?? []).map(({ nodePort = 0 }) => nodePort).filter((port) => port !== 0));
  return ports.every(({ nodePort = 0 }) => nodePort === 0 || before.has(nodePort));
}

/** A service becomes single stack by its policy alone. */
function dropSecondFamily(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
  const wasDualStack = old.ipFamilyPolicy === "RequireDualStack" || old.ipFamilyPolicy === "PreferDualStack";
  if (!wasDualStack || spec.ipFamilyPolicy !== "SingleStack") return spec;
  return {
    ...spec,
    ...(spec.clusterIPs !== undefined && { clusterIPs: spec.clusterIPs.slice(0, 1) }),
    ...(spec.ipFamilies !== undefined && { ipFamilies: spec.ipFamilies.slice(0, 1) }),
  };
}
