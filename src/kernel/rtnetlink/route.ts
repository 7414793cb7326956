/**
 * Routes, both families. Equal to `ip route add | replace | append | delete | show`.
 * Source: include/uapi/linux/rtnetlink.h, Linux 6.1; rtnetlink(7).
 */
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import { type Family, familyOf, formatPrefix, type IpAddress, type Prefix, parseAddress } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../netlink/message.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { nameOf } from "./attribute-values.ts";
import { addressFamily, familyOfNumber, MAX_HEADER_TABLE, routeProtocols, routeTables, scopes } from "./family.ts";
import {
  type NextHopMessage,
  type RouteMessage,
  type RouteType,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTNH_F_ONLINK,
  routeMessage,
  routeTypes,
} from "./route-messages.ts";

export interface NextHop {
  readonly oif?: number | undefined;
  readonly gateway?: IpAddress | undefined;
  readonly onlink?: boolean | undefined;
  /** Share of the flows; default 1. */
  readonly weight?: number | undefined;
}

export interface NewRoute {
  /** `0.0.0.0/0` or `::/0` is the default route. Host bits must be zero. */
  readonly destination: Prefix;
  /** Default: unicast. */
  readonly type?: RouteType | undefined;
  /** Default: main. See `routeTables`. */
  readonly table?: number | undefined;
  /** Who made it; default: boot, as `ip` does. See `routeProtocols`. */
  readonly protocol?: number | undefined;
  /** Default as `ip`: link without a gateway, host for local routes, else global. IPv6 knows no scope. */
  readonly scope?: number | undefined;
  /** The smaller wins. */
  readonly priority?: number | undefined;
  /** Ifindex of the outgoing link. */
  readonly oif?: number | undefined;
  readonly gateway?: IpAddress | undefined;
  /** Preferred source address. */
  readonly src?: IpAddress | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  /** The gateway is on the link though no route says so. */
  readonly onlink?: boolean | undefined;
  /** Several next hops instead of `oif` and `gateway`. */
  readonly nextHops?: readonly NextHop[] | undefined;
}

export interface Route extends NewRoute {
  readonly type: RouteType;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
  readonly onlink: boolean;
}

/** What `deleteRoute` matches; what is not given matches everything. */
export type RouteMatch = Pick<NewRoute, "destination"> &
  Partial<Pick<NewRoute, "table" | "oif" | "gateway" | "priority" | "type" | "protocol" | "scope" | "src">>;

/** Throws EEXIST when destination, table and priority are taken. */
export function addRoute(socket: NetlinkSocket, route: NewRoute): void {
  write(socket, "add", NLM_F_CREATE | NLM_F_EXCL, route);
}

/** As addRoute; takes the place of a route with the same destination, table and priority. */
export function replaceRoute(socket: NetlinkSocket, route: NewRoute): void {
  write(socket, "replace", NLM_F_CREATE | NLM_F_REPLACE, route);
}

/** Adds a route beside others with the same key. IPv6 makes them next hops of one route. */
export function appendRoute(socket: NetlinkSocket, route: NewRoute): void {
  write(socket, "append", NLM_F_CREATE | NLM_F_APPEND, route);
}

/** Deletes the first route that matches. Throws ESRCH when none does. */
export function deleteRoute(socket: NetlinkSocket, match: RouteMatch): void {
  const { type = "unspecified", protocol = routeProtocols.unspecified, scope = scopes.nowhere } = match;
  const payload = encode(routeMessage, messageOf({ ...match, type, protocol, scope }));
  socket.request({ type: RTM_DELROUTE, payload }, `route delete ${describe(match)}`);
}

export interface RouteFilter {
  readonly family?: Family;
  readonly table?: number;
  readonly oif?: number;
  readonly protocol?: number;
  readonly type?: RouteType;
}

/** Routes of all tables, `local` too, unless the filter says otherwise. The kernel filters. */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter = {}): readonly Route[] {
  const families: readonly Family[] = filter.family === undefined ? [4, 6] : [filter.family];
  return families.flatMap((family) => listFamily(socket, family, filter));
}

function listFamily(socket: NetlinkSocket, family: Family, filter: RouteFilter): readonly Route[] {
  const payload = encode(routeMessage, {
    ...emptyRoute,
    ...tableFields(filter.table ?? routeTables.unspecified),
    family: addressFamily(family),
    protocol: filter.protocol ?? 0,
    type: routeTypes[filter.type ?? "unspecified"],
    oif: filter.oif,
  });
  try {
    return socket
      .dump({ type: RTM_GETROUTE, payload }, "route show")
      .filter((message) => message.type === RTM_NEWROUTE && message.payload[0] === addressFamily(family))
      .map((message) => decodeRoute(message.payload));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return []; // a table without routes does not exist
    throw error;
  }
}

/** The route in an RTM_NEWROUTE or RTM_DELROUTE. */
export function decodeRoute(payload: Buffer): Route {
  const message = decode(routeMessage, payload);
  const family = familyOfNumber(message.family);
  if (family === undefined) throw new DecodeError("route", 0, `family ${message.family}`);
  const address = message.destination ?? parseAddress(family === 4 ? "0.0.0.0" : "::");
  return {
    destination: { family, address, length: message.destinationLength },
    type: nameOf(routeTypes, message.type) ?? "unspecified",
    table: message.tableNumber ?? message.table,
    protocol: message.protocol,
    scope: message.scope,
    priority: message.priority,
    oif: message.oif,
    gateway: message.gateway ?? message.via,
    src: message.src,
    mtu: message.metrics?.mtu,
    advmss: message.metrics?.advmss,
    onlink: (message.flags & RTNH_F_ONLINK) !== 0,
    nextHops: message.nextHops?.map((hop) => ({
      oif: hop.ifindex,
      gateway: hop.gateway ?? hop.via,
      onlink: (hop.flags & RTNH_F_ONLINK) !== 0,
      weight: hop.hops + 1,
    })),
  };
}

export const emptyRoute: RouteMessage = {
  family: 0,
  destinationLength: 0,
  sourceLength: 0,
  tos: 0,
  table: 0,
  protocol: 0,
  scope: 0,
  type: 0,
  flags: 0,
};

function write(socket: NetlinkSocket, verb: string, flags: number, route: NewRoute): void {
  const payload = encode(routeMessage, messageOf(route));
  socket.request({ type: RTM_NEWROUTE, flags, payload }, `route ${verb} ${describe(route)}`);
}

function messageOf(route: NewRoute): RouteMessage {
  const { destination, type = "unicast", mtu, advmss } = route;
  return {
    ...emptyRoute,
    ...tableFields(route.table ?? routeTables.main),
    family: addressFamily(destination.family),
    destinationLength: destination.length,
    protocol: route.protocol ?? routeProtocols.boot,
    scope: route.scope ?? defaultScope(route, type),
    type: routeTypes[type],
    flags: route.onlink ? RTNH_F_ONLINK : 0,
    destination: destination.length === 0 ? undefined : destination.address,
    oif: route.oif,
    priority: route.priority,
    src: route.src,
    metrics: mtu === undefined && advmss === undefined ? undefined : { mtu, advmss },
    nextHops: route.nextHops?.map((hop) => nextHopMessage(hop, destination.family)),
    ...gatewayFields(route.gateway, destination.family),
  };
}

function nextHopMessage(hop: NextHop, family: Family): NextHopMessage {
  return {
    flags: hop.onlink ? RTNH_F_ONLINK : 0,
    hops: (hop.weight ?? 1) - 1,
    ifindex: hop.oif ?? 0,
    ...gatewayFields(hop.gateway, family),
  };
}

function gatewayFields(gateway: IpAddress | undefined, family: Family): { gateway?: IpAddress; via?: IpAddress } {
  if (gateway === undefined) return {};
  return familyOf(gateway) === family ? { gateway } : { via: gateway };
}

function tableFields(table: number): { table: number; tableNumber?: number } {
  return table <= MAX_HEADER_TABLE ? { table } : { table: routeTables.unspecified, tableNumber: table };
}

function defaultScope(route: NewRoute, type: RouteType): number {
  if (route.destination.family === 6) return scopes.global;
  if (type === "local" || type === "nat") return scopes.host;
  if (type === "broadcast" || type === "multicast" || type === "anycast") return scopes.link;
  if (type !== "unicast") return scopes.global;
  return route.gateway === undefined && route.nextHops === undefined ? scopes.link : scopes.global;
}

function describe({ destination, gateway, oif, table }: NewRoute | RouteMatch): string {
  const parts = [formatPrefix(destination)];
  if (gateway !== undefined) parts.push(`via ${gateway}`);
  if (oif !== undefined) parts.push(`dev ${oif}`);
  if (table !== undefined) parts.push(`table ${table}`);
  return parts.join(" ");
}
