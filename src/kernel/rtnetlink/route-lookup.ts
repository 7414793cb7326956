/** The route that a packet would take. Equal to `ip route get`. Source: rtnetlink(7), RTM_GETROUTE, Linux 6.1. */
import { encode } from "#base/codec/codec.ts";
import { addressLength, familyOf, type IpAddress } from "#base/ip-address.ts";
import { isErrno } from "../kernel-error.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { addressFamily } from "./family.ts";
import { decodeRoute, emptyRoute, type Route } from "./route.ts";
import { RTM_GETROUTE, RTM_NEWROUTE, routeMessage } from "./route-messages.ts";

/** Undefined when nothing leads there. */
export function lookupRoute(socket: NetlinkSocket, destination: IpAddress): Route | undefined {
  const family = familyOf(destination);
  const payload = encode(routeMessage, {
    ...emptyRoute,
    family: addressFamily(family),
    destinationLength: addressLength(family),
    destination,
  });
  try {
    const answers = socket.request({ type: RTM_GETROUTE, payload }, `route get ${destination}`);
    const found = answers.find(({ type }) => type === RTM_NEWROUTE);
    return found && decodeRoute(found.payload);
  } catch (error) {
    if (isErrno(error, "ENETUNREACH", "EHOSTUNREACH")) return undefined;
    throw error;
  }
}
