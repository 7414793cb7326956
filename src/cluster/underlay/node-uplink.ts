/**
 * A node's link to the underlay: `eth0` in the node's namespace, a port of the underlay's bridge at the other end.
 * Equal to `ip link add node0 master underlay type veth peer name eth0 netns NODE` with addresses and default routes.
 */
import { type IpAddress, type Prefix, parsePrefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import { replaceAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, deleteLinkOnThread, findLink, type Link, setLink } from "#kernel/rtnetlink/link.ts";
import { replaceRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import type { Families } from "./choose-subnet.ts";
import { gatewayAddresses, macOfAddress, nodeAddresses, portName } from "./underlay-addresses.ts";
import { waitForLinks } from "./wait-for-links.ts";

export interface NodeUplinkOptions {
  readonly nodeName: string;
  /** From 0; decides its addresses. */
  readonly index: number;
  readonly netnsPath: string;
}

export interface NodeUplink extends AsyncDisposable {
  readonly nodeName: string;
  /** In the node's namespace. */
  readonly link: string;
  readonly ifindex: number;
  readonly mac: MacAddress;
  readonly mtuBytes: number;
  readonly addresses: Families<IpAddress>;
  /** Its other end, in the underlay's namespace. */
  readonly port: string;
}

export interface UplinkNetwork {
  readonly netns: Netns;
  /** Ifindex of the underlay's bridge. */
  readonly bridge: number;
  readonly mtuBytes: number;
  readonly subnets: Families<Prefix>;
}

export const NODE_LINK = "eth0";
const DEFAULT_ROUTES: Families<Prefix> = { 4: parsePrefix("0.0.0.0/0"), 6: parsePrefix("::/0") };

/**
 * Keeps the link of a node that is attached; that of a node which was here before makes place.
 * Resolves when packets pass.
 */
export async function attachNode(
  network: UplinkNetwork,
  options: NodeUplinkOptions,
  signal: AbortSignal,
): Promise<NodeUplink> {
  const { nodeName, index, netnsPath } = options;
  const addresses = nodeAddresses(network.subnets, index);
  const mac = macOfAddress(addresses[4]);
  const port = portName(index);
  using nodeNetns = openNetns(netnsPath);
  using node = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: nodeNetns });
  using underlay = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: network.netns });
  const kept = findPair(underlay, node, port);
  if (kept === undefined) await removePort(network, port);
  const { ifindex, portIfindex } = kept ?? createPair(underlay, network, { nodeName, nodeNetns, port, mac });
  writeSysctls(nodeNetns, linkSysctls(NODE_LINK));
  setLink(node, ifindex, { up: true });
  setLink(underlay, portIfindex, { up: true });
  configure(node, ifindex, network.subnets, addresses);
  await Promise.all([
    waitForLinks({ netns: nodeNetns, socket: node, ifindexes: [ifindex] }, signal),
    waitForLinks({ netns: network.netns, socket: underlay, ifindexes: [portIfindex] }, signal),
  ]);
  return {
    nodeName,
    link: NODE_LINK,
    ifindex,
    mac,
    mtuBytes: network.mtuBytes,
    addresses,
    port,
    [Symbol.asyncDispose]: () => removePort(network, port, portIfindex),
  };
}

/** The node's end sees the carrier go and come, as with a cable. */
export function setPortUp(network: UplinkNetwork, port: string, up: boolean): void {
  using underlay = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: network.netns });
  const link = findLink(underlay, { name: port });
  if (link === undefined)
    throw new Error(`Cannot set port "${port}" of the underlay ${up ? "up" : "down"}: it is gone`);
  setLink(underlay, link.ifindex, { up });
}

interface Pair {
  readonly ifindex: number;
  readonly portIfindex: number;
}

/** Both ends, if they are there and belong together. */
function findPair(underlay: NetlinkSocket, node: NetlinkSocket, port: string): Pair | undefined {
  const [near, far] = [findLink(underlay, { name: port }), findLink(node, { name: NODE_LINK })];
  if (near === undefined || far === undefined || !isPeer(near, far) || !isPeer(far, near)) return undefined;
  return { ifindex: far.ifindex, portIfindex: near.ifindex };
}

function isPeer(link: Link, other: Link): boolean {
  return link.kind?.type === "veth" && link.link === other.ifindex;
}

interface NewPair {
  readonly nodeName: string;
  readonly nodeNetns: Netns;
  readonly port: string;
  readonly mac: MacAddress;
}

function createPair(underlay: NetlinkSocket, network: UplinkNetwork, options: NewPair): Pair {
  const { nodeName, nodeNetns, port, mac } = options;
  const { bridge, mtuBytes } = network;
  const { ifindex, peerIfindex } = createVeth(underlay, {
    name: port,
    alias: nodeName,
    master: bridge,
    mtu: mtuBytes,
    peer: { name: NODE_LINK, mtu: mtuBytes, mac, netnsFd: nodeNetns.fd },
  });
  return { ifindex: peerIfindex, portIfindex: ifindex };
}

function configure(node: NetlinkSocket, ifindex: number, subnets: Families<Prefix>, own: Families<IpAddress>): void {
  const gateways = gatewayAddresses(subnets);
  for (const family of [4, 6] as const) {
    const [subnet, address, gateway, destination] = [
      subnets[family],
      own[family],
      gateways[family],
      DEFAULT_ROUTES[family],
    ];
    if (!subnet || !address || !gateway || !destination) continue;
    replaceAddress(node, { ifindex, prefix: { ...subnet, address }, noDad: true });
    replaceRoute(node, { destination, gateway, oif: ifindex });
  }
}

/** Nobody else uses our addresses, so none has to be probed; and no router announces itself. */
export function linkSysctls(link: string): Readonly<Record<string, number>> {
  return { [`net/ipv6/conf/${link}/accept_dad`]: 0, [`net/ipv6/conf/${link}/accept_ra`]: 0 };
}

/** With `ifindex`, only that one: a node that was attached again has a new one. */
async function removePort({ netns }: UplinkNetwork, port: string, ifindex?: number): Promise<void> {
  using underlay = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  const link = findLink(underlay, { name: port });
  if (link === undefined || (ifindex !== undefined && link.ifindex !== ifindex)) return;
  try {
    await deleteLinkOnThread(underlay, link.ifindex);
  } catch (error) {
    // The end of the node's namespace was faster.
    if (!isErrno(error, "ENODEV")) throw error;
  }
}
