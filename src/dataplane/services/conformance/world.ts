/**
 * Two nodes with three pods each and somebody outside, all on one underlay. The nodes know each other's pods by routes;
 * outside knows the way to Services by node1 alone, and has no route to pods.
 *
 *   n1a n1b n1c ── cni0 [node1] eth0 ──┬── eth0 [node2] cni0 ── n2a n2b n2c
 *                                      └── eth0 [outside]
 */
import { type Family, type IpAddress, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { watchLinks } from "#kernel/rtnetlink/events.ts";
import { createLink, createVeth, listLinks, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { testNetns } from "#kernel/testing/with-netns.ts";
import type { ServiceProxyNode } from "../contract.ts";

export const FAMILIES: readonly Family[] = [4, 6];
export const NODE_NAMES = ["node1", "node2"] as const;
export type NodeName = (typeof NODE_NAMES)[number];
export const POD_NAMES = ["n1a", "n1b", "n1c", "n2a", "n2b", "n2c"] as const;
export type PodName = (typeof POD_NAMES)[number];
export type HostName = PodName | NodeName | "outside";

export interface Host {
  readonly name: HostName;
  readonly netns: Netns;
  readonly addresses: Readonly<Record<Family, IpAddress>>;
}

export interface World extends Disposable {
  host(name: HostName): Host;
  /** What a pod of the node sees as source of what the node masquerades: the node's address towards it. */
  readonly gateways: Readonly<Record<NodeName, Readonly<Record<Family, IpAddress>>>>;
  readonly proxyNodes: Readonly<Record<NodeName, ServiceProxyNode>>;
}

const DEADLINE_MS = 5000;
const NODE_NUMBER: Readonly<Record<NodeName, number>> = { node1: 1, node2: 2 };
const OUTSIDE_NUMBER = 100;
const POD_LETTERS = ["a", "b", "c"] as const;

const bothFamilies = <T>(of: (family: Family) => T): Readonly<Record<Family, T>> => ({ 4: of(4), 6: of(6) });

function podPrefix(family: Family, node: number, host: number): Prefix {
  return family === 4 ? parsePrefix(`10.244.${node}.${host}/24`) : parsePrefix(`fd00:10:244:${node}::${host}/64`);
}

function underlayPrefix(family: Family, host: number): Prefix {
  return family === 4 ? parsePrefix(`192.168.50.${host}/24`) : parsePrefix(`fd00:50::${host}/64`);
}

/** Where nodes have their addresses. */
export function underlayNetwork(family: Family): Prefix {
  return underlayPrefix(family, 0);
}

export const SERVICE_NETWORKS = [parsePrefix("10.96.0.0/16"), parsePrefix("fd00:96::/112")];
/** Addresses of Services that are announced to the outside. */
export const EXTERNAL_NETWORKS = [parsePrefix("203.0.113.0/24"), parsePrefix("2001:db8:1::/64")];

export function clusterIp(family: Family, number: number): IpAddress {
  return parseAddress(family === 4 ? `10.96.0.${number}` : `fd00:96::${number}`);
}

export function externalIp(family: Family, number: number): IpAddress {
  return parseAddress(family === 4 ? `203.0.113.${number}` : `2001:db8:1::${number}`);
}

export function isOnNode(host: HostName, node: NodeName): boolean {
  return host === node || (host !== "outside" && host.startsWith(`n${NODE_NUMBER[node]}`));
}

export async function createWorld(): Promise<World> {
  using stack = new DisposableStack();
  const underlay = stack.use(testNetns());
  const underlaySocket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: underlay }));
  const bridge = createLink(underlaySocket, { name: "br0", kind: { type: "bridge" }, up: true });
  const sockets: { readonly netns: Netns; readonly socket: NetlinkSocket }[] = [
    { netns: underlay, socket: underlaySocket },
  ];
  const hosts = new Map<HostName, Host>();

  function addMachine(
    name: NodeName | "outside",
    number: number,
  ): { netns: Netns; socket: NetlinkSocket; eth0: number } {
    const netns = stack.use(testNetns({ loopbackUp: true }));
    const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
    writeSysctls(netns, {
      "net/ipv4/ip_forward": 1,
      "net/ipv6/conf/all/forwarding": 1,
      "net/ipv6/conf/all/accept_dad": 0,
      "net/ipv6/conf/default/accept_dad": 0,
      // Refusals of datagrams come one by one for each case.
      "net/ipv4/icmp_ratelimit": 0,
      "net/ipv6/icmp/ratelimit": 0,
    });
    const port = { name, master: bridge.ifindex, up: true };
    const veth = createVeth(underlaySocket, { ...port, peer: { name: "eth0", netnsFd: netns.fd } });
    setLink(socket, veth.peerIfindex, { up: true });
    for (const family of FAMILIES) {
      addAddress(socket, { ifindex: veth.peerIfindex, prefix: underlayPrefix(family, number), noDad: true });
    }
    hosts.set(name, { name, netns, addresses: bothFamilies((family) => underlayPrefix(family, number).address) });
    sockets.push({ netns, socket });
    return { netns, socket, eth0: veth.peerIfindex };
  }

  for (const name of NODE_NAMES) {
    const number = NODE_NUMBER[name];
    const { socket, eth0 } = addMachine(name, number);
    const cni0 = createLink(socket, { name: "cni0", kind: { type: "bridge" }, up: true });
    for (const family of FAMILIES) {
      addAddress(socket, { ifindex: cni0.ifindex, prefix: podPrefix(family, number, 1), noDad: true });
      const peer = number === 1 ? 2 : 1;
      const destination = podPrefix(family, peer, 0);
      addRoute(socket, { destination, gateway: underlayPrefix(family, peer).address, oif: eth0 });
      const gateway = underlayPrefix(family, OUTSIDE_NUMBER).address;
      addRoute(socket, { destination: parsePrefix(family === 4 ? "0.0.0.0/0" : "::/0"), gateway, oif: eth0 });
    }
    for (const [index, letter] of POD_LETTERS.entries()) {
      const podName = POD_NAMES.find((each) => each === `n${number}${letter}`);
      if (podName === undefined) throw new Error(`Cannot make pod ${letter} of ${name}: no such name`);
      const netns = stack.use(testNetns({ loopbackUp: true }));
      const podSocket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
      const veth = createVeth(socket, {
        name: `veth${letter}`,
        master: cni0.ifindex,
        up: true,
        peer: { name: "eth0", netnsFd: netns.fd },
      });
      setLink(socket, veth.ifindex, { bridgePort: { hairpin: true } }); // as the bridge plugin's hairpinMode
      setLink(podSocket, veth.peerIfindex, { up: true });
      const prefix = (family: Family) => podPrefix(family, number, 11 + index);
      for (const family of FAMILIES) {
        addAddress(podSocket, { ifindex: veth.peerIfindex, prefix: prefix(family), noDad: true });
        const destination = parsePrefix(family === 4 ? "0.0.0.0/0" : "::/0");
        const gateway = podPrefix(family, number, 1).address;
        addRoute(podSocket, { destination, gateway, oif: veth.peerIfindex });
      }
      hosts.set(podName, { name: podName, netns, addresses: bothFamilies((family) => prefix(family).address) });
      sockets.push({ netns, socket: podSocket });
    }
  }
  const outside = addMachine("outside", OUTSIDE_NUMBER);
  for (const destination of [...SERVICE_NETWORKS, ...EXTERNAL_NETWORKS]) {
    const gateway = underlayPrefix(destination.family, NODE_NUMBER.node1).address;
    addRoute(outside.socket, { destination, gateway, oif: outside.eth0 });
  }
  const signal = AbortSignal.timeout(DEADLINE_MS);
  await Promise.all(sockets.map((end) => allLinksUp(end, signal)));
  const resources = stack.move();
  const proxyNode = (name: NodeName): ServiceProxyNode => ({
    podNetworks: [parsePrefix("10.244.0.0/16"), parsePrefix("fd00:10:244::/48")],
    nodePods: FAMILIES.map((family) => podPrefix(family, NODE_NUMBER[name], 0)),
    nodePortAddresses: [],
    serviceNetworks: SERVICE_NETWORKS,
  });
  const gateway = (name: NodeName) => bothFamilies((family) => podPrefix(family, NODE_NUMBER[name], 1).address);
  return {
    host(name) {
      const host = hosts.get(name);
      if (host === undefined) throw new Error(`Cannot find host "${name}": the world has none`);
      return host;
    },
    gateways: { node1: gateway("node1"), node2: gateway("node2") },
    proxyNodes: { node1: proxyNode("node1"), node2: proxyNode("node2") },
    [Symbol.dispose]: () => resources.dispose(),
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
