/**
 * Which links of this namespace lead to pods, and to which addresses, when somebody else has made them. A routed pod's
 * link is the one that the node's own route to a single address leads to; a port of a bridge says nothing, so the other
 * end of its pair is asked, in whichever namespace that is. Nothing depends on packets that a pod has sent before.
 */
import { addressLength, type IpAddress } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { routeTables } from "#kernel/rtnetlink/family.ts";
import { findLink, type Link, listLinks } from "#kernel/rtnetlink/link.ts";
import { listRoutes } from "#kernel/rtnetlink/route.ts";

export interface ForeignLink {
  readonly link: string;
  readonly ifindex: number;
  readonly mac: MacAddress | undefined;
  readonly addresses: readonly IpAddress[];
}

export interface ForeignLinkNames {
  /** Of routed pods; `cali*` is every name that begins so. */
  readonly podLinks: readonly string[];
  readonly bridges: readonly string[];
}

/** `known` are not asked again while they are there. */
export function observeForeignLinks(
  socket: NetlinkSocket,
  { podLinks, bridges }: ForeignLinkNames,
  known: ReadonlyMap<string, ForeignLink> = new Map(),
): readonly ForeignLink[] {
  const links = listLinks(socket);
  const masters = new Set(
    links.filter(({ name }) => bridges.some((one) => isNamed(name, one))).map(({ ifindex }) => ifindex),
  );
  const routed = routedAddresses(socket);
  return links.flatMap((one): readonly ForeignLink[] => {
    const { name: link, ifindex, master } = one;
    const before = known.get(link);
    if (before?.ifindex === ifindex) return [before];
    if (master !== undefined) {
      const peer = masters.has(master) ? findPeer(socket, one) : undefined;
      return peer === undefined ? [] : [{ link, ifindex, ...peer }];
    }
    const addresses = routed.get(ifindex);
    const isPodLink = podLinks.some((name) => isNamed(link, name));
    return addresses === undefined || !isPodLink ? [] : [{ link, ifindex, mac: undefined, addresses }];
  });
}

export function isNamed(link: string, pattern: string): boolean {
  return pattern.endsWith("*") ? link.startsWith(pattern.slice(0, -1)) : link === pattern;
}

/** By ifindex: what a route of its own leads to. */
function routedAddresses(socket: NetlinkSocket): ReadonlyMap<number, readonly IpAddress[]> {
  const found = new Map<number, IpAddress[]>();
  for (const { destination, oif, gateway } of listRoutes(socket, { table: routeTables.main, type: "unicast" })) {
    if (oif === undefined || gateway !== undefined) continue;
    if (destination.length !== addressLength(destination.family)) continue;
    found.set(oif, [...(found.get(oif) ?? []), destination.address]);
  }
  return found;
}

/** The other end of a pair, in whichever namespace; undefined for other links, and when it is going. */
function findPeer(
  socket: NetlinkSocket,
  { kind, link: ifindex, linkNetnsId: netnsId }: Link,
): Pick<ForeignLink, "mac" | "addresses"> | undefined {
  if (kind?.type !== "veth" || ifindex === undefined || netnsId === undefined) return undefined;
  try {
    const mac = findLink(socket, { ifindex, netnsId })?.mac;
    const addresses = listAddresses(socket, { ifindex, netnsId }).map(({ prefix }) => prefix.address);
    return { mac, addresses };
  } catch (error) {
    // The namespace or the link is gone since it was listed.
    if (isErrno(error, "ENODEV", "EINVAL")) return undefined;
    throw error;
  }
}
