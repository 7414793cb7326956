/**
 * vxlan: pods' packets travel as Ethernet frames inside UDP between the nodes.
 *
 *   pod → bridge → route PEER-PODS via PEER-VTEP dev flannel.1 onlink → neighbour PEER-VTEP is PEER-MAC
 *       → fdb PEER-MAC is at PEER → UDP 8472 over the underlay → peer's flannel.1 (PEER-MAC) → its bridge → pod
 *
 * Every table is written from what peers announce, so nothing is asked for by broadcast. A VTEP's address is the first
 * of its node's pod prefix. With direct routing, peers on the underlay's own network are reached as by host-gw.
 * Equal to Flannel's back end of the same name, except that it covers IPv6's larger header and removes what is stale. Pure.
 */
import { contains, type Family, hostPrefix, networkOf } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import type { FdbEntry } from "#kernel/rtnetlink/fdb.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { Neighbour } from "#kernel/rtnetlink/neighbour.ts";
import { type DesiredNetwork, FAMILIES, type PeerProblem, type PerFamily } from "../contract.ts";
import type { KernelOperation, PeerRoute } from "../kernel-operation.ts";
import { type PeerEndpoint, peerEndpoints } from "../peer-endpoints.ts";
import { planRoutes, ROUTE_PROTOCOLS, type RouteTable } from "../peer-routes.ts";
import { type RouteLookups, type UnderlayLink, whyNotDirect } from "../underlay.ts";
import { planTunnels, type Tunnel } from "./plan-tunnels.ts";
import { planVtep } from "./plan-vtep.ts";
import { type VxlanSettings, vxlanLinkName } from "./vxlan-options.ts";

/** One family's VXLAN link and what lies on it. */
export interface ObservedVtep {
  readonly link: Link;
  readonly addresses: readonly Address[];
  readonly neighbours: readonly Neighbour[];
  readonly fdb: readonly FdbEntry[];
  /** Undefined where it was not asked for. */
  readonly txChecksum: boolean | undefined;
}

export interface ObservedVxlan extends RouteTable {
  readonly underlay: PerFamily<UnderlayLink>;
  readonly vteps: PerFamily<ObservedVtep>;
  /** By key, of the link or of `default` where it is yet to be made. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly lookups: RouteLookups;
}

export interface VxlanPlan {
  readonly operations: readonly KernelOperation[];
  readonly problems: readonly PeerProblem[];
}

export function planVxlan(desired: DesiredNetwork, settings: VxlanSettings, observed: ObservedVxlan): VxlanPlan {
  const links: KernelOperation[] = [];
  const unneeded: KernelOperation[] = [];
  const kept = new Map<Family, ObservedVtep>();
  const lost = new Set<number>();
  for (const family of FAMILIES) {
    const vtep = observed.vteps[family];
    const plan = planVtep(desired.local, family, settings, observed);
    if (plan === undefined) {
      if (vtep) unneeded.push({ do: "delete link", link: vtep.link.name });
      continue;
    }
    links.push(...plan.operations);
    if (plan.kept) kept.set(family, plan.kept);
    else if (vtep) lost.add(vtep.link.ifindex);
  }
  const { routed, tunnels, problems } = choosePaths(desired, settings, observed);
  const routes = planRoutes(
    { routes: observed.routes.filter(({ oif }) => oif === undefined || !lost.has(oif)), linkNames: observed.linkNames },
    {
      backend: "vxlan",
      wanted: [...routed, ...tunnels.map((tunnel) => tunnelRoute(tunnel, settings))],
      ownLinks: FAMILIES.map((family) => vxlanLinkName(family, settings.vni)),
      peers: desired.peers,
    },
  );
  const entries = FAMILIES.filter((family) => observed.underlay[family]).map((family) =>
    planTunnels({
      link: vxlanLinkName(family, settings.vni),
      tunnels: tunnels.filter((tunnel) => tunnel.family === family),
      observed: kept.get(family),
      handedOver: routes.handedOver,
    }),
  );
  return {
    operations: [
      ...links,
      ...entries.flatMap(({ make }) => make),
      ...routes.make.flatMap((operation) => withGatewayRoute(operation, observed)),
      ...routes.sweep,
      ...entries.flatMap(({ sweep }) => sweep),
      ...unneeded,
    ],
    problems: [...problems, ...routes.taken],
  };
}

interface Paths {
  readonly routed: readonly (PeerRoute & { readonly peer: string })[];
  readonly tunnels: readonly Tunnel[];
  readonly problems: readonly PeerProblem[];
}

function choosePaths(
  desired: DesiredNetwork,
  { directRouting }: VxlanSettings,
  { underlay, lookups }: ObservedVxlan,
): Paths {
  const { endpoints, problems: unusable } = peerEndpoints(desired, "vxlan");
  const problems: PeerProblem[] = [...unusable];
  const routed: Paths["routed"][number][] = [];
  const tunnels: Tunnel[] = [];
  const owners = new Map<string, string>();
  for (const endpoint of endpoints) {
    const { peer, family, podPrefix, underlayAddress, vtepMac: mac } = endpoint;
    const link = underlay[family];
    if (link === undefined) continue;
    if (directRouting && whyNotDirect(underlayAddress, link, lookups) === undefined) {
      const protocol = ROUTE_PROTOCOLS.vxlan;
      routed.push({ peer, destination: podPrefix, gateway: underlayAddress, link: link.link, protocol });
    } else if (mac === undefined) {
      problems.push({ peer, family, reason: "it announces no VTEP MAC address: is its back end vxlan?" });
    } else {
      const owner = owners.get(`${family} ${mac}`);
      owners.set(`${family} ${mac}`, owner ?? peer);
      if (owner === undefined) tunnels.push(tunnelOf(endpoint, mac));
      else problems.push({ peer, family, reason: `its VTEP MAC ${mac} is that of node "${owner}", too` });
    }
  }
  return { routed, tunnels, problems };
}

function tunnelOf({ peer, family, podPrefix, underlayAddress }: PeerEndpoint, mac: MacAddress): Tunnel {
  return { peer, family, podPrefix, vtepAddress: networkOf(podPrefix).address, mac, underlayAddress };
}

function tunnelRoute(
  { peer, family, podPrefix, vtepAddress }: Tunnel,
  { vni }: VxlanSettings,
): Paths["routed"][number] {
  return {
    peer,
    destination: podPrefix,
    gateway: vtepAddress,
    link: vxlanLinkName(family, vni),
    onlink: true,
    protocol: ROUTE_PROTOCOLS.vxlan,
  };
}

/**
 * IPv6 refuses a gateway on this link while a route over another link covers it, as the one to be replaced does. A route
 * to the gateway alone stands beside it for that moment.
 */
function withGatewayRoute(operation: KernelOperation, { routes, linkNames }: RouteTable): readonly KernelOperation[] {
  if (operation.do !== "replace route" || operation.route.destination.family === 4) return [operation];
  const { gateway, link, onlink, protocol } = operation.route;
  if (gateway === undefined || onlink !== true) return [operation];
  const isInTheWay = routes.some(
    ({ destination, oif = 0 }) =>
      destination.length > 0 && contains(destination, gateway) && linkNames.get(oif) !== link,
  );
  const route: PeerRoute = { destination: hostPrefix(gateway), link, protocol };
  return isInTheWay ? [{ do: "replace route", route }, operation, { do: "delete route", route }] : [operation];
}
