/**
 * The network below a cluster on this machine: a bridge in a network namespace of its own with one link to each node, a
 * router, and behind it a place "outside" that knows no way to the pods. The host joins by one veth.
 *
 *   host    pw-NAME .1 ──┐
 *   node-1  eth0 .10   ──┤ underlay .254, router ── 203.0.113.1 │ 203.0.113.10 outside
 *   node-2  eth0 .11   ──┘
 *
 * The namespaces are held by descriptors of this process: they end with it, however it ends, and with them every link.
 */
import type { IpAddress, Prefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { type Netns, unshareNetns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createLink, setLink } from "#kernel/rtnetlink/link.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { chooseSubnet, type Families } from "./choose-subnet.ts";
import { joinHost, removeHostLink } from "./host-link.ts";
import { openHostUplink, removeHostUplink } from "./host-uplink.ts";
import { createLinkFaults } from "./link-faults.ts";
import {
  attachNode,
  linkSysctls,
  type NodeUplink,
  type NodeUplinkOptions,
  setPortUp,
  type UplinkNetwork,
} from "./node-uplink.ts";
import { OUTSIDE_LINK, type Outside, startOutside } from "./outside.ts";
import { createPoolRoutes } from "./pool-routes.ts";
import { gatewayAddresses, hostAddresses, macOfAddress } from "./underlay-addresses.ts";
import { LOOPBACK_IFINDEX, namespaceSysctls } from "./underlay-namespace.ts";

export interface UnderlayOptions {
  readonly clusterName: string;
  readonly dualStack: boolean;
  /** Of every link. */
  readonly mtuBytes: number;
  readonly isHostJoined: boolean;
  /** Through the host to whatever it reaches; for a host that is joined. Default: no. */
  readonly hasUplink?: boolean;
  /** Addresses of load balancers, which outside reaches by any node. Default: none. */
  readonly loadBalancerPools?: readonly Prefix[];
  /** Where the host's link goes; default: the network namespace of this process. */
  readonly hostNetns?: Netns;
}

export interface Underlay extends AsyncDisposable {
  readonly subnets: Families<Prefix>;
  /** Undefined where the host is not joined. */
  readonly hostAddresses: Families<IpAddress> | undefined;
  /** The router, in the underlay's namespace: what nodes can reach there listens on these. */
  readonly gatewayAddresses: Families<IpAddress>;
  /** `nsenter --net=PATH`; valid as long as this process lives. */
  readonly netnsPath: string;
  /** Name of the bridge in that namespace; its ports are `NodeUplink.port`. */
  readonly bridge: string;
  readonly outside: Outside;
  /**
   * Idempotent, and to be done again when a node has started again. Resolves when packets pass.
   * Disposing takes the node's link away.
   */
  attachNode(options: NodeUplinkOptions, signal: AbortSignal): Promise<NodeUplink>;
  /** Takes the carrier from the node's link, or gives it back. */
  setLinkUp(nodeName: string, up: boolean): void;
  /** Drops everything between two nodes until healed, also when one of them starts again. */
  partition(nodeA: string, nodeB: string): void;
  heal(nodeA: string, nodeB: string): void;
  /** Of what a node sends to other nodes and the host, and of what it gets from them; 0 ends it. */
  setLoss(nodeName: string, percent: number): void;
}

const BRIDGE = "underlay";

/** The caller knows that no cluster of this name runs; what a killed one has left on the host is removed. */
export async function startUnderlay(options: UnderlayOptions, signal: AbortSignal): Promise<Underlay> {
  const { clusterName, dualStack, mtuBytes, isHostJoined, hasUplink = false, hostNetns } = options;
  const { loadBalancerPools: pools = [] } = options;
  signal.throwIfAborted();
  await removeUnderlayTraces(clusterName, hostNetns);
  await using cleanup = new AsyncDisposableStack();
  const netns = cleanup.use(unshareNetns());
  const bridge = createBridge(netns, mtuBytes);
  if (isHostJoined) cleanup.defer(() => removeHostLink(clusterName, hostNetns));
  const subnets = isHostJoined
    ? await joinHost({ clusterName, dualStack, mtuBytes, hostNetns, underlay: netns, bridge }, signal)
    : chooseSubnet([], dualStack);
  addressBridge(netns, bridge, subnets);
  if (isHostJoined && hasUplink) {
    cleanup.defer(() => removeHostUplink(clusterName, hostNetns));
    const hostAddress = hostAddresses(subnets)[4];
    openHostUplink({ clusterName, subnet: subnets[4], hostAddress, underlay: netns, hostNetns });
  }
  const outside = cleanup.use(await startOutside({ router: netns, subnets, mtuBytes, pools }, signal));
  const poolRoutes = createPoolRoutes({ router: netns, bridge, outsideLink: OUTSIDE_LINK, subnets, pools });
  const faults = cleanup.use(createLinkFaults(netns));
  signal.throwIfAborted();

  const network: UplinkNetwork = { netns, bridge, mtuBytes, subnets };
  const ports = new Map<string, string>();
  const portOf = (nodeName: string): string => {
    const port = ports.get(nodeName);
    if (port === undefined) throw new Error(`Cannot find node "${nodeName}" in the underlay: it was never attached`);
    return port;
  };
  const owned = cleanup.move();
  return {
    subnets,
    hostAddresses: isHostJoined ? hostAddresses(subnets) : undefined,
    gatewayAddresses: gatewayAddresses(subnets),
    netnsPath: netns.path,
    bridge: BRIDGE,
    outside,
    async attachNode(node, signal) {
      const uplink = await attachNode(network, node, signal);
      ports.set(node.nodeName, uplink.port);
      poolRoutes.addNode(node.index);
      return uplink;
    },
    setLinkUp: (nodeName, up) => setPortUp(network, portOf(nodeName), up),
    partition: (nodeA, nodeB) => faults.partition(portOf(nodeA), portOf(nodeB)),
    heal: (nodeA, nodeB) => faults.heal(portOf(nodeA), portOf(nodeB)),
    setLoss: (nodeName, percent) => faults.setLoss(portOf(nodeName), percent),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * What a cluster that was killed can leave: its way out through the host, and its link on the host, for the moment until
 * its namespace has ended.
 */
export async function removeUnderlayTraces(clusterName: string, hostNetns?: Netns): Promise<void> {
  removeHostUplink(clusterName, hostNetns);
  await removeHostLink(clusterName, hostNetns);
}

/** Gives its ifindex. */
function createBridge(netns: Netns, mtuBytes: number): number {
  writeSysctls(netns, namespaceSysctls({ isRouter: true }));
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  setLink(socket, LOOPBACK_IFINDEX, { up: true });
  // Without a querier, snooping would lose the multicast that IPv6 finds its neighbours with.
  const kind = { type: "bridge", mcastSnooping: false } as const;
  const { ifindex } = createLink(socket, { name: BRIDGE, kind, mtu: mtuBytes, up: true });
  writeSysctls(netns, linkSysctls(BRIDGE));
  return ifindex;
}

function addressBridge(netns: Netns, ifindex: number, subnets: Families<Prefix>): void {
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  const addresses = gatewayAddresses(subnets);
  // A bridge without an address of its own takes its ports' lowest, which changes as nodes come and go.
  setLink(socket, ifindex, { mac: macOfAddress(addresses[4]) });
  for (const family of [4, 6] as const) {
    const [subnet, address] = [subnets[family], addresses[family]];
    if (subnet && address) addAddress(socket, { ifindex, prefix: { ...subnet, address }, noDad: true });
  }
}
