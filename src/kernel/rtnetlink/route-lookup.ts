/** The route that a packet would take. Equal to `ip route get`. Source: rtnetlink(7), RTM_GETROUTE, Linux 6.1. */
import { constants } from "node:os";
import { encode } from "#base/codec/codec.ts";
import { addressLength, familyOf, type IpAddress } from "#base/ip-address.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";
import { addressFamily } from "./family.ts";
import { decodeRoute, emptyRoute, type Route } from "./route.ts";
import { RTM_GETROUTE, routeMessage } from "./route-messages.ts";

const UNREACHABLE = [constants.errno.ENETUNREACH, constants.errno.EHOSTUNREACH];

/** Undefined when nothing leads there. */
export function lookupRoute(socket: NetlinkSocket, destination: IpAddress): Route | undefined {
  const family = familyOf(destination);
  const payload = encode(routeMessage, {
    ...emptyRoute,
    family: addressFamily(family),
    destinationLength: addressLength(family),
    destination,
  });
  const request = { type: RTM_GETROUTE, payload };
  const answer = socket.find(request, `route get ${destination}`, UNREACHABLE);
  return answer && decodeRoute(answer.payload);
}
