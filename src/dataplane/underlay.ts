/** What the kernel says about the network between the nodes: its link, and how each peer is reached over it. */
import type { Family, IpAddress } from "#base/ip-address.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { findLink, type Link } from "#kernel/rtnetlink/link.ts";
import type { Route } from "#kernel/rtnetlink/route.ts";
import { lookupRoute } from "#kernel/rtnetlink/route-lookup.ts";
import { FAMILIES, type LocalNode, type PerFamily, type Underlay } from "./contract.ts";

export interface UnderlayLink extends Underlay {
  readonly ifindex: number;
  readonly mtu: number;
  readonly up: boolean;
}

export class UnderlayError extends Error {
  override readonly name = "UnderlayError";
  readonly link: string;

  constructor(link: string) {
    super(`Cannot use underlay "${link}": there is no such link`);
    this.link = link;
  }
}

/** Families without pods are left out. Throws UnderlayError when a link is missing. */
export function observeUnderlay(socket: NetlinkSocket, local: LocalNode): PerFamily<UnderlayLink> {
  const links = new Map<string, Link>();
  const found: { [F in Family]?: UnderlayLink } = {};
  for (const family of FAMILIES) {
    const underlay = local.underlay[family];
    if (underlay === undefined || local.podPrefixes[family] === undefined) continue;
    const link = links.get(underlay.link) ?? findLink(socket, { name: underlay.link });
    if (link === undefined) throw new UnderlayError(underlay.link);
    links.set(underlay.link, link);
    found[family] = { ...underlay, ifindex: link.ifindex, mtu: link.mtu, up: link.up };
  }
  return found;
}

/** The pods' MTU when each of their packets gets `overheadBytes` more. `mtuBytes` instead of the underlay's own. */
export function podMtu(
  underlay: PerFamily<UnderlayLink>,
  overheadBytes: Readonly<Record<Family, number>>,
  mtuBytes?: number,
): number {
  const sizes = FAMILIES.flatMap((family) => {
    const link = underlay[family];
    return link === undefined ? [] : [(mtuBytes ?? link.mtu) - overheadBytes[family]];
  });
  if (sizes.length === 0) throw new RangeError("Cannot tell the pods' MTU: the node has no pods in any family");
  return Math.min(...sizes);
}

/** How the kernel would send to an address; `routes` of observations. */
export type RouteLookups = ReadonlyMap<IpAddress, Route | undefined>;

export function lookupRoutes(socket: NetlinkSocket, addresses: Iterable<IpAddress>): RouteLookups {
  return new Map([...new Set(addresses)].map((address) => [address, lookupRoute(socket, address)]));
}

/** Undefined when the address is on the underlay's own network, else the reason why it cannot be a next hop. Pure. */
export function whyNotDirect(address: IpAddress, underlay: UnderlayLink, lookups: RouteLookups): string | undefined {
  const route = lookups.get(address);
  if (!underlay.up) return `underlay "${underlay.link}" is down`;
  if (route === undefined) return `there is no route to its node ${address}`;
  if (route.type === "local") return `its node's address ${address} is this node's own`;
  if (route.gateway !== undefined)
    return `its node ${address} is behind router ${route.gateway}, not on one L2 network`;
  if (route.oif !== underlay.ifindex) return `its node ${address} is not reached over underlay "${underlay.link}"`;
  return undefined;
}
