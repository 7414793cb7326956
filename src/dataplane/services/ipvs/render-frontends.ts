/**
 * What one port of a Service is in IPVS and its table: each frontend is a virtual service at one address, a node port one at
 * each of the node's addresses. A virtual service has one list of destinations, for whoever comes: a frontend with
 * traffic `local` gives this node and its pods the local backends too, as kube-proxy does in this mode.
 */
import { contains, type IpAddress } from "#base/ip-address.ts";
import { ipvsServiceText } from "#kernel/genetlink/ipvs.ts";
import type { IpvsService } from "#kernel/genetlink/ipvs-messages.ts";
import type { Backend, Frontend, ServicePort } from "#service/service-port.ts";
import type { ServiceProxyNode } from "../contract.ts";
import type { FrontendVerdict } from "./ipvs-table.ts";
import type { VirtualService } from "./plan-virtual-services.ts";

const SCHEDULER = "rr";

export interface IpvsNode extends ServiceProxyNode {
  /** The node's own, without loopback's and those on our link. */
  readonly addresses: readonly IpAddress[];
}

export interface OwnedService {
  readonly port: ServicePort;
  /** Those that no other Service has. */
  readonly frontends: readonly Frontend[];
}

export interface RenderedFrontend {
  readonly text: string;
  /** Without destinations there is no virtual service: the verdict refuses all. */
  readonly virtual: VirtualService;
  readonly verdict: FrontendVerdict;
  readonly sourceRanges: Frontend["sourceRanges"];
  /** The address goes to our link: it is not the node's otherwise. */
  readonly isBound: boolean;
  readonly owner: string;
}

export interface RenderedService {
  readonly frontends: readonly RenderedFrontend[];
  /** Pods of this node that may be sent to themselves. */
  readonly hairpins: readonly IpAddress[];
}

export function renderFrontends({ port, frontends }: OwnedService, node: IpvsNode): RenderedService {
  const rendered = new Map<string, RenderedFrontend>();
  for (const frontend of frontends) {
    for (const address of addressesOf(port, frontend, node)) {
      const one = renderFrontend(port, frontend, { address, isOwn: node.addresses.includes(address) });
      // What is sent to an address of the service network that is the node's own is served there: cluster DNS, for example.
      if (frontend.kind === "clusterIP" && !one.isBound) continue;
      if (!rendered.has(one.text)) rendered.set(one.text, one);
    }
  }
  const all = [...rendered.values()];
  const served = new Set(all.flatMap(({ virtual }) => virtual.destinations.map(({ address }) => address)));
  const hairpins = [...served].filter((address) => node.nodePods.some((prefix) => contains(prefix, address)));
  return { frontends: all, hairpins };
}

function addressesOf(port: ServicePort, { kind, address }: Frontend, node: IpvsNode): readonly IpAddress[] {
  if (kind !== "nodePort") return address === undefined ? [] : [address];
  const isFamily = (one: IpAddress) => one.includes(":") === (port.family === 6);
  const prefixes = node.nodePortAddresses.filter(({ family }) => family === port.family);
  const isListening = (one: IpAddress) => prefixes.length === 0 || prefixes.some((prefix) => contains(prefix, one));
  return node.addresses.filter((one) => isFamily(one) && isListening(one));
}

function renderFrontend(
  port: ServicePort,
  frontend: Frontend,
  { address, isOwn }: { readonly address: IpAddress; readonly isOwn: boolean },
): RenderedFrontend {
  const { family, protocol, affinityTimeoutSeconds: persistenceSeconds } = port;
  const key = { family, protocol, address, port: frontend.port };
  const service: IpvsService = {
    ...key,
    scheduler: SCHEDULER,
    ...(persistenceSeconds !== undefined && { persistenceSeconds }),
  };
  const { backends, verdict } = choose(port, frontend);
  return {
    text: ipvsServiceText(key),
    virtual: { service, destinations: backends.map((backend) => ({ ...backend, weight: 1 })) },
    verdict,
    sourceRanges: verdict.startsWith("limited-") ? frontend.sourceRanges : undefined,
    isBound: !isOwn,
    owner: port.id,
  };
}

interface Choice {
  readonly backends: readonly Backend[];
  readonly verdict: FrontendVerdict;
}

function choose({ cluster, local }: ServicePort, { kind, traffic, sourceRanges }: Frontend): Choice {
  if (cluster.length + local.length === 0) return { backends: [], verdict: "reject" };
  const wanted = traffic === "cluster" ? cluster : local;
  if (kind === "clusterIP") {
    if (wanted.length > 0) return { backends: wanted, verdict: "cluster-ip" };
    return { backends: [], verdict: traffic === "cluster" ? "reject" : "drop" };
  }
  if (traffic === "cluster" && cluster.length === 0) return { backends: [], verdict: "reject" };
  const isInsideOnly = traffic === "local" && local.length === 0;
  const verdict = traffic === "cluster" ? "external" : isInsideOnly ? "inside-only" : "keep-source";
  const backends = isInsideOnly ? cluster : wanted;
  return { backends, verdict: sourceRanges === undefined ? verdict : `limited-${verdict}` };
}
