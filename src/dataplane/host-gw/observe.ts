/** What the kernel has of host-gw: routes, and how it reaches each peer's node. */
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { DesiredNetwork } from "../contract.ts";
import { peerEndpoints } from "../peer-endpoints.ts";
import { observeRouteTable } from "../route-table.ts";
import { lookupRoutes, observeUnderlay } from "../underlay.ts";
import type { ObservedHostGw } from "./plan.ts";

export function observeHostGw(socket: NetlinkSocket, desired: DesiredNetwork): ObservedHostGw {
  const { endpoints } = peerEndpoints(desired, "host-gw");
  const nodes = endpoints.map(({ underlayAddress }) => underlayAddress);
  return {
    ...observeRouteTable(socket),
    underlay: observeUnderlay(socket, desired.local),
    lookups: lookupRoutes(socket, nodes),
  };
}
