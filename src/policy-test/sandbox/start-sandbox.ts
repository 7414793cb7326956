/**
 * A throw-away cluster without containers: nodes and pods are network namespaces of this process, joined by the real
 * data plane. Nothing has a name or a file, so the kernel takes all of it away when the process ends, however it ends.
 *
 *   pod eth0 ── cni0 [node-1] eth0 ── br0 [underlay] ── eth0 [node-2] cni0 ── eth0 pod
 *                                          └── eth0 [outside], with the addresses of others
 */
import type { Family, IpAddress } from "#base/ip-address.ts";
import { hostPrefix, parsePrefix } from "#base/ip-address.ts";
import { type Connectivity, type DesiredNetwork, FAMILIES, type LocalNode, type Peer } from "#dataplane/contract.ts";
import type { PodAttachment } from "#dataplane/policy/contract.ts";
import { vtepMac } from "#dataplane/vtep-mac.ts";
import { createVxlan } from "#dataplane/vxlan/apply.ts";
import { createNetlinkSocket, NETLINK_ROUTE, type NetlinkSocket } from "#kernel/netlink/socket.ts";
import { type Netns, unshareNetns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createLink, createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { SysctlError, writeSysctls } from "#kernel/sysctl.ts";
import type { PodId } from "#policy/rule-model.ts";
import { PolicyTestError } from "../policy-test-error.ts";
import { type ReadyLinks, watchReadyLinks } from "./links-ready.ts";
import type { PlannedNode, PlannedPod, SandboxPlan } from "./plan-sandbox.ts";

export interface SandboxPod {
  readonly id: PodId;
  readonly netns: Netns;
  readonly node: SandboxNode;
  readonly addresses: Readonly<Record<Family, IpAddress>>;
}

export interface SandboxNode {
  readonly name: string;
  readonly netns: Netns;
  /** NETLINK_ROUTE */
  readonly socket: NetlinkSocket;
  readonly plan: PlannedNode;
  readonly attachments: readonly PodAttachment[];
}

export interface Sandbox extends AsyncDisposable {
  readonly nodes: readonly SandboxNode[];
  readonly pods: ReadonlyMap<PodId, SandboxPod>;
  /** Undefined when nobody outside takes part. */
  readonly outside: { readonly netns: Netns; readonly addresses: readonly IpAddress[] } | undefined;
}

export const BRIDGE = "cni0";
/** What a VXLAN packet of both families leaves of an underlay of 1500 bytes. */
const POD_MTU = 1430;
const LOOPBACK_IFINDEX = 1;
/**
 * Unlike any of the other ends: of a pair with one number in both namespaces the kernel takes each end for a link of its
 * own, and lets it wait up to a second for its carrier (linkwatch_urgent_event, net/core/link_watch.c).
 */
const FIRST_PORT_IFINDEX = 1000;
const DEADLINE_MS = 10_000;
const DEFAULT_ROUTES = { 4: parsePrefix("0.0.0.0/0"), 6: parsePrefix("::/0") } as const;

const ROUTER_SYSCTLS = {
  "net/ipv4/ip_forward": 1,
  "net/ipv6/conf/all/forwarding": 1,
  // A router asks for neighbours with its link-local address, which otherwise is tentative for the first second.
  "net/ipv6/conf/all/accept_dad": 0,
  "net/ipv6/conf/default/accept_dad": 0,
  "net/ipv4/conf/all/rp_filter": 0,
  "net/ipv4/conf/default/rp_filter": 0,
};

interface NodeInMaking extends SandboxNode {
  readonly attachments: PodAttachment[];
  readonly bridge: number;
}

interface Underlay {
  readonly socket: NetlinkSocket;
  readonly bridge: number;
}

export async function startSandbox(plan: SandboxPlan, signal: AbortSignal): Promise<Sandbox> {
  await using stack = new AsyncDisposableStack();
  const ready: ReadyLinks[] = [];
  const place = (name: string) => {
    const netns = stack.use(unshareNetns());
    const socket = stack.use(createNetlinkSocket({ protocol: NETLINK_ROUTE, netns }));
    setLink(socket, LOOPBACK_IFINDEX, { up: true });
    ready.push(stack.use(watchReadyLinks(name, netns, socket)));
    return { netns, socket };
  };
  const { socket } = place("the underlay");
  const bridge = { type: "bridge", mcastSnooping: false } as const;
  const underlay: Underlay = { socket, bridge: createLink(socket, { name: "br0", kind: bridge, up: true }).ifindex };
  const nodes = plan.nodes.map((node, index): NodeInMaking => {
    const made = place(node.name);
    writeSysctls(made.netns, ROUTER_SYSCTLS);
    filterBridge(made.netns);
    const { ifindex } = createLink(made.socket, { name: BRIDGE, kind: bridge, mtu: POD_MTU, up: true });
    for (const family of FAMILIES) {
      const { length } = node.podPrefixes[family];
      const prefix = { family, address: node.gateways[family], length };
      addAddress(made.socket, { ifindex, prefix, noDad: true });
    }
    joinUnderlay(underlay, made, { port: `node${index + 1}`, number: index + 1, addresses: node.underlay });
    return { name: node.name, ...made, plan: node, attachments: [], bridge: ifindex };
  });
  const hasOutside = plan.outside.addresses.length > 0;
  const outside = hasOutside ? startOutside(place("outside"), underlay, plan, nodes) : undefined;
  const pods = plan.pods.flatMap((pod): readonly SandboxPod[] => {
    const node = nodes[pod.node];
    return node === undefined ? [] : [startPod(stack, pod, node)];
  });
  const planes = nodes.map((node): Connectivity => stack.use(createVxlan(node)));
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  await Promise.all([
    ...ready.map((links) => links.wait(deadline)),
    ...planes.map((plane, index) => applyPlane(plane, desiredOf(plan.nodes, index), deadline)),
  ]);
  for (const links of ready) links[Symbol.dispose]();
  const resources = stack.move();
  return {
    nodes,
    pods: new Map(pods.map((pod) => [pod.id, pod])),
    outside,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

interface Made {
  readonly netns: Netns;
  readonly socket: NetlinkSocket;
}

/** Pods of one node talk over a bridge: the firewall sees that only with br_netfilter. */
function filterBridge(netns: Netns): void {
  try {
    writeSysctls(netns, { "net/bridge/bridge-nf-call-iptables": 1, "net/bridge/bridge-nf-call-ip6tables": 1 });
  } catch (cause) {
    if (!(cause instanceof SysctlError)) throw cause;
    throw new PolicyTestError("machine", "Cannot filter between pods of one node: the kernel has no br_netfilter", {
      next: "load it: modprobe br_netfilter",
      cause,
    });
  }
}

interface UnderlayPort {
  readonly port: string;
  readonly number: number;
  readonly addresses: Readonly<Record<Family, IpAddress>>;
}

function joinUnderlay(underlay: Underlay, { netns, socket }: Made, { port, number, addresses }: UnderlayPort): number {
  const link = { name: port, ifindex: FIRST_PORT_IFINDEX + number, master: underlay.bridge, up: true };
  const { peerIfindex } = createVeth(underlay.socket, { ...link, peer: { name: "eth0", netnsFd: netns.fd } });
  setLink(socket, peerIfindex, { up: true });
  for (const family of FAMILIES) {
    const prefix = { family, address: addresses[family], length: family === 4 ? 24 : 64 };
    addAddress(socket, { ifindex: peerIfindex, prefix, noDad: true });
  }
  return peerIfindex;
}

/** Others: the nodes' way to everywhere leads there, and they know the way to each node's pods. */
function startOutside(made: Made, underlay: Underlay, { outside }: SandboxPlan, nodes: readonly NodeInMaking[]) {
  writeSysctls(made.netns, { "net/ipv6/conf/default/accept_dad": 0 });
  const oif = joinUnderlay(underlay, made, { port: "outside", number: 0, addresses: outside.underlay });
  for (const address of outside.addresses) {
    addAddress(made.socket, { ifindex: LOOPBACK_IFINDEX, prefix: hostPrefix(address), noDad: true });
  }
  for (const { plan, socket } of nodes) {
    for (const family of FAMILIES) {
      addRoute(made.socket, { destination: plan.podPrefixes[family], gateway: plan.underlay[family], oif });
      addRoute(socket, { destination: DEFAULT_ROUTES[family], gateway: outside.underlay[family] });
    }
  }
  return { netns: made.netns, addresses: outside.addresses };
}

function startPod(stack: AsyncDisposableStack, pod: PlannedPod, node: NodeInMaking): SandboxPod {
  const netns = stack.use(unshareNetns());
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  const { link, mac, addresses } = pod;
  const peer = { name: "eth0", netnsFd: netns.fd, mtu: POD_MTU, mac };
  const { peerIfindex } = createVeth(node.socket, { name: link, master: node.bridge, mtu: POD_MTU, up: true, peer });
  setLink(socket, LOOPBACK_IFINDEX, { up: true });
  setLink(socket, peerIfindex, { up: true });
  for (const family of FAMILIES) {
    const { length } = node.plan.podPrefixes[family];
    addAddress(socket, { ifindex: peerIfindex, prefix: { family, address: addresses[family], length }, noDad: true });
    addRoute(socket, { destination: DEFAULT_ROUTES[family], gateway: node.plan.gateways[family], oif: peerIfindex });
  }
  node.attachments.push({ pod: pod.id, link, mac, addresses: FAMILIES.map((family) => addresses[family]) });
  return { id: pod.id, netns, node, addresses };
}

async function applyPlane(plane: Connectivity, desired: DesiredNetwork, signal: AbortSignal): Promise<void> {
  const { problems } = await plane.apply(desired, signal);
  const [problem] = problems;
  if (problem !== undefined)
    throw new Error(`Cannot join ${desired.local.name} with ${problem.peer}: ${problem.reason}`);
}

function desiredOf(nodes: readonly PlannedNode[], index: number): DesiredNetwork {
  const [own, ...others] = [...nodes.slice(index), ...nodes.slice(0, index)];
  if (own === undefined) throw new RangeError(`Cannot take node ${index}: there are ${nodes.length}`);
  const local: LocalNode = {
    name: own.name,
    podPrefixes: own.podPrefixes,
    underlay: { 4: { link: "eth0", address: own.underlay[4] }, 6: { link: "eth0", address: own.underlay[6] } },
  };
  const peers = others.map(
    ({ name, podPrefixes, underlay }): Peer => ({
      name,
      backend: "vxlan",
      podPrefixes,
      underlayAddresses: underlay,
      vtepMacs: { 4: vtepMac(name, 4), 6: vtepMac(name, 6) },
    }),
  );
  return { local, peers };
}
