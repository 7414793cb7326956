/** What of this node's links decides by which one it reaches others. */
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";
import { type Link, listLinks } from "#kernel/rtnetlink/link.ts";
import { listRoutes } from "#kernel/rtnetlink/route.ts";
import type { HostLinks } from "./choose-underlay.ts";

export function observeHostLinks(
  socket: NetlinkSocket,
): Omit<HostLinks, "links"> & { readonly links: readonly Link[] } {
  return {
    links: listLinks(socket),
    addresses: listAddresses(socket),
    routes: listRoutes(socket, { table: routeTables.main }),
  };
}
