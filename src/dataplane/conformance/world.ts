/**
 * Three nodes in network namespaces on one underlay bridge, each with two pods behind a bridge of its own. The nodes
 * route and know nothing of each other: that is what a data plane is for.
 *
 *   pod ── cni0 [node1] eth0 ── underlay ── eth0 [node2] cni0 ── pod
 *
 * Pods that are routed have no bridge: the node has a route to each, and is the gateway on each link, as `ptp` does it.
 */
import { type Family, hostPrefix, type IpAddress, type Prefix, parsePrefix } from "#base/ip-address.ts";
import type { MacAddress } from "#base/mac-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { createLink, createVeth, findLink, listLinks, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import { type Backend, type DesiredNetwork, FAMILIES, type LocalNode, type Peer } from "../contract.ts";
import { vtepMac } from "../vtep-mac.ts";

export const UNDERLAY_MTU = 1500;

export interface TestPod {
  /** The node's end of its pair of links. */
  readonly link: string;
  readonly mac: MacAddress | undefined;
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
  readonly addresses: Readonly<Record<Family, IpAddress>>;
}

export interface TestNode {
  readonly netns: Netns;
  /** Counts what it writes. */
  readonly socket: CountingSocket;
  readonly local: LocalNode;
  readonly pods: readonly TestPod[];
}

export interface World extends Disposable {
  /** Where bridge `br0` is, with a port `nodeN` for each node. */
  readonly underlay: Netns;
  readonly nodes: readonly [TestNode, TestNode, TestNode];
  readonly pods: readonly TestPod[];
  /** What the node at the index should have, its peers on one back end each. */
  desired(index: number, backendOf: (peer: number) => Backend): DesiredNetwork;
  setPodMtu(mtuBytes: number): void;
}

export interface CountingSocket extends NetlinkSocket {
  /** Requests so far that were no question. */
  readonly writes: number;
}

const NODES = [1, 2, 3] as const;
const PODS = [10, 11] as const;
const DEADLINE_MS = 5000;
/** Questions have numbers 2 above a multiple of 4: RTM_GETLINK 18, RTM_GETADDR 22, … (include/uapi/linux/rtnetlink.h) */
const isQuestion = (type: number): boolean => type % 4 === 2;

export interface WorldOptions {
  /** Last part of the addresses of each node's pods. Default: two pods. */
  readonly podHosts?: readonly number[] | undefined;
  /** How pods are joined to their node. Default: bridged. */
  readonly joined?: PodJoin | undefined;
}

export type PodJoin = "bridged" | "routed";

export async function createWorld({ podHosts = PODS, joined = "bridged" }: WorldOptions = {}): Promise<World> {
  using stack = new DisposableStack();
  const underlay = stack.use(testNetns());
  const underlaySocket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: underlay }));
  const bridge = createLink(underlaySocket, { name: "br0", kind: { type: "bridge" }, mtu: UNDERLAY_MTU, up: true });
  const addNode = (number: number): TestNode => {
    const node = createNode(stack, { number, podHosts, joined });
    const port = { name: `node${number}`, master: bridge.ifindex, up: true };
    const veth = createVeth(underlaySocket, { ...port, peer: { name: "eth0", netnsFd: node.netns.fd } });
    setLink(node.socket, veth.peerIfindex, { up: true });
    for (const family of FAMILIES) {
      const prefix = underlayPrefix(family, number);
      addAddress(node.socket, { ifindex: veth.peerIfindex, prefix, noDad: true });
    }
    return node;
  };
  const nodes = [addNode(NODES[0]), addNode(NODES[1]), addNode(NODES[2])] as const;
  const pods = nodes.flatMap((node) => node.pods);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  await Promise.all(
    [{ netns: underlay, socket: underlaySocket }, ...nodes, ...pods].map((end) => allLinksUp(end, signal)),
  );
  const resources = stack.move();
  return {
    underlay,
    nodes,
    pods,
    desired: (index, backendOf) => desiredOf(nodes, index, backendOf),
    setPodMtu(mtuBytes) {
      for (const { socket, netns } of [...nodes, ...pods]) {
        const isPod = pods.some((pod) => pod.netns === netns);
        for (const { name, ifindex } of listLinks(socket)) {
          if (isPod ? name === "eth0" : name.startsWith("veth")) setLink(socket, ifindex, { mtu: mtuBytes });
        }
      }
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

interface NewNode {
  readonly number: number;
  readonly podHosts: readonly number[];
  readonly joined: PodJoin;
}

function createNode(stack: DisposableStack, { number, podHosts, joined }: NewNode): TestNode {
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const socket = countingSocket(stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns })));
  writeSysctls(netns, {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    // A router asks for neighbours with its link-local address, which otherwise is tentative for the first seconds.
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
  });
  const bridge = joined === "bridged" ? createBridge(socket, number) : undefined;
  const pods = podHosts.map((host) => createPod(stack, socket, { bridge, node: number, host }));
  return {
    netns,
    socket,
    local: {
      name: `node${number}`,
      podPrefixes: { 4: podPrefix(4, number, 0), 6: podPrefix(6, number, 0) },
      underlay: {
        4: { link: "eth0", address: underlayPrefix(4, number).address },
        6: { link: "eth0", address: underlayPrefix(6, number).address },
      },
    },
    pods,
  };
}

function createBridge(socket: NetlinkSocket, node: number): number {
  const { ifindex } = createLink(socket, { name: "cni0", kind: { type: "bridge" }, up: true });
  for (const family of FAMILIES) addAddress(socket, { ifindex, prefix: podPrefix(family, node, 1), noDad: true });
  return ifindex;
}

interface NewPod {
  /** Absent for a routed pod. */
  readonly bridge: number | undefined;
  readonly node: number;
  readonly host: number;
}

function createPod(stack: DisposableStack, nodeSocket: NetlinkSocket, { bridge, node, host }: NewPod): TestPod {
  const netns = stack.use(testNetns({ loopbackUp: true }));
  const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
  const veth = createVeth(nodeSocket, {
    name: `veth${host}`,
    master: bridge,
    up: true,
    peer: { name: "eth0", netnsFd: netns.fd },
  });
  setLink(socket, veth.peerIfindex, { up: true });
  for (const family of FAMILIES) {
    const own = podPrefix(family, node, host);
    const gateway = podPrefix(family, node, 1).address;
    const prefix = bridge === undefined ? hostPrefix(own.address) : own;
    addAddress(socket, { ifindex: veth.peerIfindex, prefix, noDad: true });
    if (bridge === undefined) {
      addAddress(nodeSocket, { ifindex: veth.ifindex, prefix: hostPrefix(gateway), noDad: true });
      addRoute(nodeSocket, { destination: hostPrefix(own.address), oif: veth.ifindex });
      addRoute(socket, { destination: hostPrefix(gateway), oif: veth.peerIfindex });
    }
    const destination = parsePrefix(family === 4 ? "0.0.0.0/0" : "::/0");
    addRoute(socket, { destination, gateway, oif: veth.peerIfindex });
  }
  const addresses = { 4: podPrefix(4, node, host).address, 6: podPrefix(6, node, host).address };
  return { link: veth.name, mac: findLink(socket, { ifindex: veth.peerIfindex })?.mac, netns, socket, addresses };
}

function desiredOf(nodes: readonly TestNode[], index: number, backendOf: (peer: number) => Backend): DesiredNetwork {
  const own = nodes[index];
  if (own === undefined) throw new RangeError(`Cannot take node ${index}: there are ${nodes.length}`);
  const peers = nodes.flatMap(({ local }, peer): readonly Peer[] =>
    peer === index
      ? []
      : [
          {
            name: local.name,
            backend: backendOf(peer),
            podPrefixes: local.podPrefixes,
            underlayAddresses: { 4: local.underlay[4]?.address, 6: local.underlay[6]?.address },
            vtepMacs: { 4: vtepMac(local.name, 4), 6: vtepMac(local.name, 6) },
          },
        ],
  );
  return { local: own.local, peers };
}

export function podPrefix(family: Family, node: number, host: number): Prefix {
  return family === 4 ? parsePrefix(`10.244.${node}.${host}/24`) : parsePrefix(`fd00:10:244:${node}::${host}/64`);
}

function underlayPrefix(family: Family, node: number): Prefix {
  return family === 4 ? parsePrefix(`192.168.50.${node}/24`) : parsePrefix(`fd00:50::${node}/64`);
}

function countingSocket(socket: NetlinkSocket): CountingSocket {
  let writes = 0;
  return {
    ...socket,
    get writes() {
      return writes;
    },
    get portId() {
      return socket.portId;
    },
    request(request, operation) {
      if (!isQuestion(request.type)) writes++;
      return socket.request(request, operation);
    },
    requestOnThread(request, operation) {
      writes++;
      return socket.requestOnThread(request, operation);
    },
  };
}

/** Every link but lo has its carrier, and every bridge port forwards. */
async function allLinksUp({ netns, socket }: { netns: Netns; socket: NetlinkSocket }, signal: AbortSignal) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = () => {
    const waiting = listLinks(socket).filter(
      ({ name, operstate, bridgePort }) =>
        name !== "lo" && (operstate !== "up" || (bridgePort && bridgePort.state !== "forwarding")),
    );
    if (waiting.length === 0) resolve();
    return waiting.map(({ name }) => name).join(", ");
  };
  using _ = watchLinks(netns, { link: check, lost: check });
  const onAbort = () => reject(new Error(`Links are not up in time: ${check()}`));
  signal.addEventListener("abort", onAbort);
  check();
  await promise;
  signal.removeEventListener("abort", onAbort);
}
