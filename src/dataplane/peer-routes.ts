/**
 * Routes to the pods of peers: what each data plane wants, compared with the main table. Pure.
 * A route is ours by its protocol number, or because it leads over a link that is ours: that tells after a crash what to
 * sweep. The route of one back end takes the place of another's in one step; anybody else's is never touched.
 */
import { type Family, formatPrefix } from "#base/ip-address.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import { type Backend, FAMILIES, type Peer } from "./contract.ts";
import type { KernelOperation, PeerRoute } from "./kernel-operation.ts";

/** rtm_protocol of our routes. Free in /etc/iproute2/rt_protos of iproute2 6.1, and not Calico's 80. */
export const ROUTE_PROTOCOLS: Readonly<Record<Backend, number>> = { vxlan: 112, "host-gw": 113, udp: 114 };
const OUR_PROTOCOLS: ReadonlySet<number> = new Set(Object.values(ROUTE_PROTOCOLS));

/** What the kernel gives a route without a priority: IP6_RT_PRIO_USER, include/uapi/linux/ipv6_route.h. */
const DEFAULT_PRIORITY: Readonly<Record<Family, number>> = { 4: 0, 6: 1024 };

export interface RouteTable {
  /** All routes of table main, whoever made them. */
  readonly routes: readonly Route[];
  readonly linkNames: ReadonlyMap<number, string>;
}

export interface RouteWishes {
  readonly backend: Backend;
  readonly wanted: readonly (PeerRoute & { readonly peer: string })[];
  /** Links that belong to this data plane. */
  readonly ownLinks: readonly string[];
  /** Peers of other back ends: their routes are left to be replaced. */
  readonly peers: readonly Peer[];
}

export interface RoutePlan {
  readonly make: readonly KernelOperation[];
  readonly sweep: readonly KernelOperation[];
  /** This data plane's routes that stay for another one to replace. */
  readonly handedOver: readonly PeerRoute[];
  /** Wanted routes whose place somebody else's route has. */
  readonly taken: readonly { readonly peer: string; readonly family: Family; readonly reason: string }[];
}

export function planRoutes({ routes, linkNames }: RouteTable, wishes: RouteWishes): RoutePlan {
  const protocol = ROUTE_PROTOCOLS[wishes.backend];
  const inMain = routes.filter((route) => (route.table ?? routeTables.main) === routeTables.main);
  const byDestination = Map.groupBy(inMain, ({ destination }) => formatPrefix(destination));
  const wantedKeys = new Set(wishes.wanted.map(({ destination }) => formatPrefix(destination)));
  const make: KernelOperation[] = [];
  const taken: RoutePlan["taken"][number][] = [];
  for (const { peer, ...wanted } of wishes.wanted) {
    const { family } = wanted.destination;
    const rivals = (byDestination.get(formatPrefix(wanted.destination)) ?? []).filter(
      (route) => priorityOf(route) === DEFAULT_PRIORITY[family],
    );
    const foreign = rivals.find((route) => !isOurs(route, linkNames, wishes.ownLinks));
    if (foreign !== undefined) {
      if (isSamePath(foreign, wanted, linkNames)) continue;
      const text = `${formatPrefix(wanted.destination)} has a route with protocol ${foreign.protocol}`;
      taken.push({ peer, family, reason: `${text} that is not ours: delete it, or change the pod network` });
    } else if (!rivals.some((route) => route.protocol === protocol && isSamePath(route, wanted, linkNames))) {
      make.push({ do: "replace route", route: wanted });
    }
  }
  const leftOver = inMain
    .filter(({ destination }) => !wantedKeys.has(formatPrefix(destination)))
    .filter((route) => route.type === "unicast" && isOf(route, protocol, linkNames, wishes.ownLinks))
    .map((route) => peerRouteOf(route, linkNames));
  const others = new Set(wishes.peers.filter(({ backend }) => backend !== wishes.backend).flatMap(destinations));
  const isHandedOver = ({ destination }: PeerRoute) => others.has(formatPrefix(destination));
  const sweep = leftOver.filter((route) => !isHandedOver(route));
  return {
    make,
    sweep: sweep.map((route): KernelOperation => ({ do: "delete route", route })),
    handedOver: leftOver.filter(isHandedOver),
    taken,
  };
}

/** This data plane's routes, for status and removal. */
export function ownRoutes(
  { routes, linkNames }: RouteTable,
  { backend, ownLinks }: Pick<RouteWishes, "backend" | "ownLinks">,
): readonly PeerRoute[] {
  return routes
    .filter(({ table = routeTables.main, type }) => table === routeTables.main && type === "unicast")
    .filter((route) => isOf(route, ROUTE_PROTOCOLS[backend], linkNames, ownLinks))
    .map((route) => peerRouteOf(route, linkNames));
}

/** With the protocol of one back end, or over its links unless another back end made it or the kernel did. */
function isOf(
  route: Route,
  protocol: number,
  linkNames: ReadonlyMap<number, string>,
  ownLinks: readonly string[],
): boolean {
  if (route.protocol === protocol) return true;
  return !OUR_PROTOCOLS.has(route.protocol) && isOverOwnLink(route, linkNames, ownLinks);
}

function isOurs(route: Route, linkNames: ReadonlyMap<number, string>, ownLinks: readonly string[]): boolean {
  return OUR_PROTOCOLS.has(route.protocol) || isOverOwnLink(route, linkNames, ownLinks);
}

/** The kernel's own routes come and go with addresses. */
function isOverOwnLink(route: Route, linkNames: ReadonlyMap<number, string>, ownLinks: readonly string[]): boolean {
  const link = linkNames.get(route.oif ?? 0);
  return link !== undefined && ownLinks.includes(link) && route.protocol !== RTPROT_KERNEL;
}

const RTPROT_KERNEL = 2;

function isSamePath(route: Route, wanted: PeerRoute, linkNames: ReadonlyMap<number, string>): boolean {
  return (
    route.type === "unicast" &&
    route.nextHops === undefined &&
    route.gateway === wanted.gateway &&
    linkNames.get(route.oif ?? 0) === wanted.link &&
    route.src === wanted.src &&
    (wanted.onlink ?? false) === route.onlink
  );
}

function peerRouteOf(route: Route, linkNames: ReadonlyMap<number, string>): PeerRoute {
  const hop = route.nextHops?.[0] ?? route;
  return {
    destination: route.destination,
    link: linkNames.get(hop.oif ?? 0) ?? `${hop.oif}`,
    gateway: hop.gateway,
    protocol: route.protocol,
    priority: route.priority,
  };
}

/** IPv4 leaves a priority of 0 out. */
function priorityOf(route: Route): number {
  return route.priority ?? 0;
}

function destinations(peer: Peer): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const prefix = peer.podPrefixes[family];
    return prefix === undefined ? [] : [formatPrefix(prefix)];
  });
}
