/**
 * Which endpoints of a Service's port serve the cluster, and which this node alone, by readiness, termination and hints.
 * Pure. Source: Kubernetes documentation, "Virtual IPs and Service Proxies" (traffic policies, terminating endpoints)
 * and "Topology Aware Routing" (safeguards); the order of the rules is that of kube-proxy.
 */
import type { ServiceEndpoint } from "./service-endpoints.ts";

export interface ServiceNode {
  readonly name: string;
  /** Label topology.kubernetes.io/zone. */
  readonly zone?: string | undefined;
}

export interface ChosenEndpoints {
  readonly cluster: readonly ServiceEndpoint[];
  readonly local: readonly ServiceEndpoint[];
}

export function chooseEndpoints(endpoints: readonly ServiceEndpoint[], node: ServiceNode): ChosenEndpoints {
  return {
    cluster: readyOrTerminating(endpoints, hintFilter(endpoints, node)),
    // Who wants those of this node does not want others' hints.
    local: readyOrTerminating(
      endpoints.filter(({ isLocal }) => isLocal),
      () => true,
    ),
  };
}

/** Those that are going away serve as long as they answer, while there is no other. */
function readyOrTerminating(
  endpoints: readonly ServiceEndpoint[],
  isMeant: (endpoint: ServiceEndpoint) => boolean,
): readonly ServiceEndpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady && isMeant(endpoint));
  return ready.length > 0 ? ready : endpoints.filter((one) => one.isServing && one.isTerminating);
}

/**
 * Hints count when every ready endpoint has some and at least one is for this node: those for nodes first, then those for
 * zones. Otherwise all endpoints serve, since a half-written distribution must not overload or lose anybody.
 */
function hintFilter(endpoints: readonly ServiceEndpoint[], { name, zone }: ServiceNode) {
  const ready = endpoints.filter(({ isReady }) => isReady);
  const areUsable = (hintsOf: (endpoint: ServiceEndpoint) => readonly string[], own: string): boolean =>
    ready.every((endpoint) => hintsOf(endpoint).length > 0) &&
    ready.some((endpoint) => hintsOf(endpoint).includes(own));
  if (areUsable(({ nodes }) => nodes, name)) return ({ nodes }: ServiceEndpoint) => nodes.includes(name);
  if (zone !== undefined && zone !== "" && areUsable(({ zones }) => zones, zone)) {
    return ({ zones }: ServiceEndpoint) => zones.includes(zone);
  }
  return () => true;
}
