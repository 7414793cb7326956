/**
 * Nodes in network namespaces with real agents, an API in memory, and pods that the agents' plugins attach: what a
 * cluster is to the network. Nodes 1 and 2 are on one L2 network, node 3 may be behind a router.
 *
 *   pod ── cni0 [node1] eth0 ── br-a [underlay] br-b ── eth0 [node3] cni0 ── pod
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { configMap } from "#api/kinds/config-map.ts";
import { node as nodeKind } from "#api/kinds/node.ts";
import { createMemoryClient, type MemoryClient } from "#api-client/testing/memory-client.ts";
import { type Family, type IpAddress, type Prefix, parsePrefix } from "#base/ip-address.ts";
import type { JsonObject } from "#base/json.ts";
import { ask, startEcho } from "#dataplane/conformance/echo.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { watchRtnetlink } from "#kernel/rtnetlink/events.ts";
import { createLink, createVeth, listLinks, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { namedTestNetns, testNetns } from "#kernel/testing/with-netns.ts";
import { createTestHost, resultOf, type TestAgent, type TestHost } from "../../testing/test-host.ts";
import { CONFIG_KEY, CONFIG_NAME, CONFIG_NAMESPACE } from "../api-source.ts";
import type { NetworkOptions } from "../start-network.ts";

export interface WorldPod {
  readonly netns: Netns;
  readonly addresses: readonly IpAddress[];
}

export interface WorldNode {
  readonly name: string;
  readonly host: TestHost;
  readonly netns: Netns;
  /** For observations. */
  readonly socket: NetlinkSocket;
  readonly underlay: Readonly<Record<Family, IpAddress>>;
  readonly options: NetworkOptions;
  /** Attaches one, with echo servers on its addresses. */
  addPod(agent: TestAgent, id: string): Promise<WorldPod>;
}

export interface NetworkWorld extends AsyncDisposable {
  readonly client: MemoryClient;
  readonly nodes: readonly WorldNode[];
  /** On node 1's L2 network, without a route to pods. */
  readonly outside: { readonly netns: Netns; readonly addresses: Readonly<Record<Family, IpAddress>> };
  readonly pods: readonly WorldPod[];
  configure(backend: JsonObject): void;
  addNodeObject(number: number): void;
}

export interface WorldOptions {
  readonly nodes: number;
  readonly isDualStack?: boolean;
  /** Number of a node that is on another L2 network. */
  readonly behindRouter?: number;
}

const SEGMENTS = ["a", "b"] as const;
const OUTSIDE_NUMBER = 100;
const ROUTER_NUMBER = 254;

export async function createNetworkWorld(options: WorldOptions): Promise<NetworkWorld> {
  await using stack = new AsyncDisposableStack();
  const underlay = stack.use(testNetns());
  const underlaySocket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: underlay }));
  writeSysctls(underlay, { "net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1 });
  const bridges = SEGMENTS.map((segment, index) => {
    const bridge = createLink(underlaySocket, { name: `br-${segment}`, kind: { type: "bridge" }, up: true });
    for (const family of [4, 6] as const) {
      addAddress(underlaySocket, {
        ifindex: bridge.ifindex,
        prefix: underlayPrefix(family, index, ROUTER_NUMBER),
        noDad: true,
      });
    }
    return bridge.ifindex;
  });
  const attach = (netns: Netns, socket: NetlinkSocket, number: number): Readonly<Record<Family, IpAddress>> => {
    const segment = number === options.behindRouter ? 1 : 0;
    writeSysctls(netns, { "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0 });
    const port = { name: `node${number}`, master: bridges[segment], up: true };
    const veth = createVeth(underlaySocket, { ...port, peer: { name: "eth0", netnsFd: netns.fd } });
    setLink(socket, veth.peerIfindex, { up: true });
    for (const family of [4, 6] as const) {
      addAddress(socket, { ifindex: veth.peerIfindex, prefix: underlayPrefix(family, segment, number), noDad: true });
      const gateway = underlayPrefix(family, segment, ROUTER_NUMBER).address;
      addRoute(socket, {
        destination: parsePrefix(family === 4 ? "0.0.0.0/0" : "::/0"),
        gateway,
        oif: veth.peerIfindex,
      });
    }
    return { 4: underlayPrefix(4, segment, number).address, 6: underlayPrefix(6, segment, number).address };
  };
  const outsideNetns = stack.use(testNetns({ loopbackUp: true }));
  const outsideSocket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: outsideNetns }));
  const outsideAddresses = attach(outsideNetns, outsideSocket, OUTSIDE_NUMBER);
  const ofPods = stack.use(new AsyncDisposableStack());
  const client = createMemoryClient();
  const pods: WorldPod[] = [];
  const families: readonly Family[] = options.isDualStack ? [4, 6] : [4];
  const addNode = (number: number): WorldNode => {
    const host = stack.use(createTestHost());
    const { netns } = host;
    const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
    const addresses = attach(netns, socket, number);
    const subnetFile = join(host.folder, "subnet.env");
    const name = `node${number}`;
    return {
      name,
      host,
      netns,
      socket,
      underlay: addresses,
      options: { nodeName: name, source: { type: "client", client }, confDir: join(host.folder, "net.d"), subnetFile },
      async addPod(agent, id) {
        const pod = ofPods.use(namedTestNetns({ loopbackUp: true }));
        writeSysctls(pod, { "net/ipv6/conf/all/accept_dad": 0, "net/ipv6/conf/default/accept_dad": 0 });
        const config = flannelConfig(host.folder, subnetFile);
        const result = resultOf(await agent.call({ command: "ADD", containerId: id, netns: pod.path, config }));
        const ips = Array.isArray(result["ips"]) ? result["ips"] : [];
        const own = ips.map((ip) => parsePrefix(String(ip.address)).address);
        for (const address of own) ofPods.use(startEcho(pod, address));
        const added = { netns: pod, addresses: own };
        pods.push(added);
        return added;
      },
    };
  };
  const nodes = Array.from({ length: options.nodes }, (_, index) => addNode(index + 1));
  const addNodeObject = (number: number): void => {
    const node = nodes[number - 1];
    const podCIDRs = families.map((family) => (family === 4 ? `10.244.${number}.0/24` : `fd00:10:244:${number}::/64`));
    const addresses = [4, 6].map((family) => ({
      type: "InternalIP",
      address: node?.underlay[family === 4 ? 4 : 6] ?? `192.168.50.${number}`,
    }));
    client.put(nodeKind, { metadata: { name: `node${number}` }, spec: { podCIDRs }, status: { addresses } });
  };
  for (const index of nodes.keys()) addNodeObject(index + 1);
  const owned = stack.move();
  return {
    client,
    nodes,
    outside: { netns: outsideNetns, addresses: outsideAddresses },
    pods,
    addNodeObject,
    configure(backend) {
      const networks = {
        Network: "10.244.0.0/16",
        ...(options.isDualStack && { EnableIPv6: true, IPv6Network: "fd00:10:244::/48" }),
      };
      const data = { [CONFIG_KEY]: JSON.stringify({ ...networks, Backend: backend }) };
      client.put(configMap, { metadata: { namespace: CONFIG_NAMESPACE, name: CONFIG_NAME }, data });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** As 10-podwire.conflist has it, but for folders of the test's own. */
export function flannelConfig(folder: string, subnetFile: string): JsonObject {
  return {
    cniVersion: "1.0.0",
    name: "cbr0",
    type: "flannel",
    subnetFile,
    dataDir: join(folder, "flannel"),
    ipam: { dataDir: join(folder, "ipam") },
    delegate: { hairpinMode: true, isDefaultGateway: true },
  };
}

function underlayPrefix(family: Family, segment: number, number: number): Prefix {
  return family === 4
    ? parsePrefix(`192.168.${50 + segment}.${number}/24`)
    : parsePrefix(`fd00:${50 + segment}::${number}/64`);
}

/**
 * Pairs of pods whose question does not arrive under the asker's own address, or whose answer does not come. What has no
 * answer is asked once more: a pod that has just come hears neighbour solicitations only when a worker of the kernel has
 * joined the group of its address (addrconf_dad_work), which on a busy machine is late for the first ones.
 */
export async function brokenPairs(pods: readonly WorldPod[]): Promise<readonly string[]> {
  const pairs = pods.flatMap((from) => pods.flatMap((to) => from.addresses.map((_, index) => ({ from, to, index }))));
  const first = await Promise.all(pairs.map(async (pair) => ({ pair, broken: await brokenPair(pair) })));
  const again = first.filter(({ broken }) => broken?.endsWith("timeout"));
  const second = await Promise.all(again.map(({ pair }) => brokenPair(pair)));
  const wrong = first.filter(({ broken }) => broken !== undefined && !broken.endsWith("timeout"));
  return [...wrong.map(({ broken }) => broken), ...second].filter((text) => text !== undefined);
}

interface PodPair {
  readonly from: WorldPod;
  readonly to: WorldPod;
  /** Of the addresses. */
  readonly index: number;
}

async function brokenPair({ from, to, index }: PodPair): Promise<string | undefined> {
  const [source, target] = [from.addresses[index], to.addresses[index]];
  assert.ok(source && target);
  const seen = await ask(from.netns, source, target);
  return seen === source ? undefined : `${source} → ${target}: ${seen}`;
}

export interface KernelChanges extends Disposable {
  readonly changes: readonly string[];
}

/** What changes in the kernel of a node from now on, but for what the kernel learns by itself. */
export function watchChanges({ netns }: Pick<WorldNode, "netns">): KernelChanges {
  const changes: string[] = [];
  const watch = watchRtnetlink(
    { netns, groups: ["link", "address", "route", "neighbour"] },
    {
      event(event) {
        const isLearned =
          (event.object === "neighbour" && event.neighbour.state !== "permanent") ||
          (event.object === "fdb" && event.entry.owner === "master");
        if (!isLearned) changes.push(JSON.stringify(event));
      },
      lost: () => changes.push("lost"),
    },
  );
  return { changes, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

export function linkNames({ socket }: Pick<WorldNode, "socket">): readonly string[] {
  return listLinks(socket).map(({ name }) => name);
}

export function addressesOf({ socket }: Pick<WorldNode, "socket">, link: string): readonly string[] {
  const ifindex = listLinks(socket).find(({ name }) => name === link)?.ifindex;
  return ifindex === undefined
    ? []
    : listAddresses(socket, { ifindex }).map(({ prefix }) => `${prefix.address}/${prefix.length}`);
}
