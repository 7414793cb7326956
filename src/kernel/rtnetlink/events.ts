/**
 * What changes in a namespace, as it happens. Equal to `ip monitor link address route neigh`.
 * Events tell that something changed, for a loop that then reads the state: after `lost` everything may have.
 * Source: include/uapi/linux/rtnetlink.h (RTNLGRP_*), Linux 6.1.
 */
import { decode } from "#base/codec/codec.ts";
import type { NetlinkMessage } from "../netlink/message.ts";
import { listenNetlink, NETLINK_ROUTE } from "../netlink/socket.ts";
import { onlyLink, onlyType } from "../netlink/socket-filter.ts";
import type { Netns } from "../netns/netns.ts";
import { AF_BRIDGE, AF_INET, AF_INET6, AF_UNSPEC } from "../syscalls/syscalls.ts";
import { type Address, decodeAddress, RTM_DELADDR, RTM_NEWADDR } from "./address.ts";
import { decodeFdbEntry, type FdbEntry } from "./fdb.ts";
import { decodeLink, type Link } from "./link.ts";
import { ifinfomsg, RTM_DELLINK, RTM_NEWLINK } from "./link-messages.ts";
import { decodeNeighbour, type Neighbour } from "./neighbour.ts";
import { RTM_DELNEIGH, RTM_NEWNEIGH } from "./neighbour-messages.ts";
import { decodeRoute, type Route } from "./route.ts";
import { RTM_DELROUTE, RTM_NEWROUTE } from "./route-messages.ts";

/** `new` is also a change of what is there. */
export type Change = "new" | "deleted";

export type RtnetlinkEvent =
  | { readonly object: "link"; readonly change: Change; readonly link: Link }
  | { readonly object: "address"; readonly change: Change; readonly address: Address }
  | { readonly object: "route"; readonly change: Change; readonly route: Route }
  | { readonly object: "neighbour"; readonly change: Change; readonly neighbour: Neighbour }
  | { readonly object: "fdb"; readonly change: Change; readonly entry: FdbEntry };

/** RTNLGRP_LINK; _IPV4_IFADDR, _IPV6_IFADDR; _IPV4_ROUTE, _IPV6_ROUTE; _NEIGH, which carries the fdb too. */
const groups = { link: [1], address: [5, 9], route: [7, 11], neighbour: [3] } as const;
export type EventGroup = keyof typeof groups;

export interface RtnetlinkListener {
  event(event: RtnetlinkEvent): void;
  /** The kernel dropped events: read the whole state again. */
  lost(): void;
}

export interface WatchOptions {
  /** Default: this thread's namespace. */
  readonly netns?: Netns;
  readonly groups: readonly EventGroup[];
}

/** Reports events until disposed. The subscription stands when the call returns. */
export function watchRtnetlink(options: WatchOptions, listener: RtnetlinkListener): Disposable {
  const numbers = options.groups.flatMap((group) => groups[group]);
  const { netns } = options;
  return listenNetlink(
    { protocol: NETLINK_ROUTE, groups: numbers, ...(netns && { netns }) },
    {
      message(message) {
        const event = decodeEvent(message);
        if (event) listener.event(event);
      },
      lost: () => listener.lost(),
    },
  );
}

export interface LinkListener {
  /** Only the number: who wants more reads the link, and pays for it. */
  link(change: Change, ifindex: number): void;
  lost(): void;
}

/** Links that appear, change or go, or one of them, undecoded: a pod has a dozen such events. */
export function watchLinks(netns: Netns, listener: LinkListener, only?: { readonly ifindex: number }): Disposable {
  const filter = only && onlyLink(only.ifindex);
  return listenNetlink(
    { protocol: NETLINK_ROUTE, groups: groups.link, netns, ...(filter && { filter }) },
    {
      message({ type, payload }) {
        if ((type !== RTM_NEWLINK && type !== RTM_DELLINK) || payload[0] !== AF_UNSPEC) return;
        listener.link(type === RTM_NEWLINK ? "new" : "deleted", decode(ifinfomsg, payload).index);
      },
      lost: () => listener.lost(),
    },
  );
}

export interface LinkDeletionListener {
  /** The link is no longer listed, and its name is free. */
  deleted(ifindex: number): void;
  lost(): void;
}

/** Links that go. The kernel filters, so the many events of a link that comes wake nobody. */
export function watchLinkDeletions(netns: Netns, listener: LinkDeletionListener): Disposable {
  return listenNetlink(
    { protocol: NETLINK_ROUTE, groups: groups.link, netns, filter: onlyType(RTM_DELLINK) },
    {
      message({ payload }) {
        if (payload[0] === AF_UNSPEC) listener.deleted(decode(ifinfomsg, payload).index);
      },
      lost: () => listener.lost(),
    },
  );
}

/** Undefined for messages about anything else. */
export function decodeEvent({ type, payload }: NetlinkMessage): RtnetlinkEvent | undefined {
  const family = payload[0];
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      // Bridges send the same messages with AF_BRIDGE about a port that joins or leaves: the link itself stays.
      if (family !== AF_UNSPEC) return undefined;
      return { object: "link", change: type === RTM_NEWLINK ? "new" : "deleted", link: decodeLink(payload) };
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return { object: "address", change: type === RTM_NEWADDR ? "new" : "deleted", address: decodeAddress(payload) };
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      if (family !== AF_INET && family !== AF_INET6) return undefined;
      return { object: "route", change: type === RTM_NEWROUTE ? "new" : "deleted", route: decodeRoute(payload) };
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const change = type === RTM_NEWNEIGH ? "new" : "deleted";
      if (family === AF_BRIDGE) return { object: "fdb", change, entry: decodeFdbEntry(payload) };
      if (family !== AF_INET && family !== AF_INET6) return undefined;
      return { object: "neighbour", change, neighbour: decodeNeighbour(payload) };
    }
    default:
      return undefined;
  }
}
