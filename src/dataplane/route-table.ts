/** Reads table main and the links that its routes name; shared by all data planes. */
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";
import { type Link, listLinks } from "#kernel/rtnetlink/link.ts";
import { listRoutes } from "#kernel/rtnetlink/route.ts";
import type { Backend, ObservedPath } from "./contract.ts";
import { ownRoutes, type RouteTable } from "./peer-routes.ts";

export interface ObservedTable extends RouteTable {
  readonly links: readonly Link[];
}

export function observeRouteTable(socket: NetlinkSocket): ObservedTable {
  const links = listLinks(socket);
  return {
    links,
    linkNames: new Map(links.map(({ ifindex, name }) => [ifindex, name])),
    routes: listRoutes(socket, { table: routeTables.main }),
  };
}

/** The routes of one data plane with their links. */
export function observePaths(
  socket: NetlinkSocket,
  backend: Backend,
  ownLinks: readonly string[],
): readonly ObservedPath[] {
  const table = observeRouteTable(socket);
  return ownRoutes(table, { backend, ownLinks }).map(({ destination, gateway, link }) => ({
    destination,
    gateway,
    link,
    linkMtuBytes: table.links.find(({ name }) => name === link)?.mtu ?? 0,
  }));
}
