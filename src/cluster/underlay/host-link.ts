/**
 * The one link by which the host joins an underlay. It is all that a cluster changes on the host: it goes when the
 * underlay's namespace ends, and carries the cluster's name as alias, by which what is left can be told after a crash.
 * Equal to `ip link add pw-NAME alias "podwire cluster NAME" type veth peer name host netns UNDERLAY`.
 */
import { networkOf, type Prefix } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { routeProtocols, routeTables, scopes } from "#kernel/rtnetlink/family.ts";
import { createVeth, deleteLinkOnThread, findLink, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute, listRoutes } from "#kernel/rtnetlink/route.ts";
import { chooseSubnet, type Families } from "./choose-subnet.ts";
import { hostAddresses, hostLinkName, macOfAddress } from "./underlay-addresses.ts";
import { waitForLinks } from "./wait-for-links.ts";

export interface HostLinkOptions {
  readonly clusterName: string;
  readonly dualStack: boolean;
  readonly mtuBytes: number;
  /** Default: this process's own. */
  readonly hostNetns?: Netns | undefined;
  readonly underlay: Netns;
  /** Ifindex of the underlay's bridge. */
  readonly bridge: number;
}

/** The end in the underlay's namespace. */
const PORT = "host";
const ALIAS_PREFIX = "podwire cluster ";

/**
 * Makes the link, chooses the subnet, and gives the host its addresses. Several clusters may do so at once: the route
 * to the subnet is created, never replaced, so it belongs to one of them, and the others choose again.
 */
export async function joinHost(options: HostLinkOptions, signal: AbortSignal): Promise<Families<Prefix>> {
  const { clusterName, dualStack, mtuBytes, hostNetns, underlay, bridge } = options;
  using host = openHost(hostNetns);
  using inside = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: underlay });
  const { ifindex, peerIfindex } = createVeth(host, {
    name: hostLinkName(clusterName),
    alias: ALIAS_PREFIX + clusterName,
    mtu: mtuBytes,
    up: true,
    peer: { name: PORT, mtu: mtuBytes, netnsFd: underlay.fd },
  });
  setLink(inside, peerIfindex, { master: bridge, up: true });
  const subnets = claimSubnet(host, ifindex, dualStack);
  const addresses = hostAddresses(subnets);
  setLink(host, ifindex, { mac: macOfAddress(addresses[4]) });
  if (subnets[6] !== undefined && addresses[6] !== undefined) {
    const prefix = { ...subnets[6], address: addresses[6] };
    addAddress(host, { ifindex, prefix, noDad: true });
  }
  await waitForLinks({ netns: underlay, socket: inside, ifindexes: [peerIfindex] }, signal);
  return subnets;
}

function claimSubnet(host: NetlinkSocket, ifindex: number, dualStack: boolean): Families<Prefix> {
  const refused: Prefix[] = [];
  for (;;) {
    const subnets = chooseSubnet([...observePrefixes(host), ...refused], dualStack);
    const { 4: address } = hostAddresses(subnets);
    const destination = subnets[4];
    try {
      // What the kernel adds for an address, but not beside another one.
      addRoute(host, { destination, oif: ifindex, protocol: routeProtocols.kernel, scope: scopes.link });
      addAddress(host, { ifindex, prefix: { ...destination, address }, noPrefixRoute: true });
      return subnets;
    } catch (error) {
      // Another cluster took it since we looked.
      if (!isErrno(error, "EEXIST")) throw error;
      refused.push(destination);
    }
  }
}

function observePrefixes(host: NetlinkSocket): readonly Prefix[] {
  const routes = listRoutes(host).filter(({ table }) => table !== routeTables.local);
  return [
    ...routes.map(({ destination }) => destination),
    ...listAddresses(host).map(({ prefix }) => networkOf(prefix)),
  ];
}

/** Removes the host's end of a cluster that was killed. Another cluster's link of the same name stays. */
export async function removeHostLink(clusterName: string, hostNetns?: Netns): Promise<void> {
  using host = openHost(hostNetns);
  const link = findLink(host, { name: hostLinkName(clusterName) });
  if (link === undefined || link.alias !== ALIAS_PREFIX + clusterName) return;
  try {
    await deleteLinkOnThread(host, link.ifindex);
  } catch (error) {
    // The end of its peer's namespace was faster.
    if (!isErrno(error, "ENODEV")) throw error;
  }
}

function openHost(netns: Netns | undefined): NetlinkSocket {
  return createNetlinkSocket({ protocol: NETLINK_ROUTE, ...(netns && { netns }) });
}
