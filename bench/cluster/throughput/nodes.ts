/** Namespaces for two nodes and a pod on each, or both on the first: the same for everyone who takes part. */
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { type Netns, unshareNetns } from "#kernel/netns/netns.ts";
import { setLink } from "#kernel/rtnetlink/link.ts";
import { writeSysctls } from "#kernel/sysctl.ts";

export interface BenchPod {
  readonly netns: Netns;
  /** Number of its node: 1 or 2. */
  readonly node: number;
  readonly address: string;
}

export interface BenchNodes extends Disposable {
  readonly nodes: readonly [Netns, Netns];
  readonly client: BenchPod;
  readonly server: BenchPod;
}

const LOOPBACK_IFINDEX = 1;

export function podSubnet(node: number): string {
  return `10.244.${node}.0/24`;
}

export function createBenchNodes(isSameNode: boolean): BenchNodes {
  using stack = new DisposableStack();
  const netns = (): Netns => {
    const made = stack.use(unshareNetns());
    using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: made });
    setLink(socket, LOOPBACK_IFINDEX, { up: true });
    return made;
  };
  const nodes = [netns(), netns()] as const;
  for (const node of nodes) writeSysctls(node, { "net/ipv4/ip_forward": 1, "net/ipv4/conf/all/rp_filter": 0 });
  const client = { netns: netns(), node: 1, address: "10.244.1.10" };
  const server = isSameNode
    ? { netns: netns(), node: 1, address: "10.244.1.11" }
    : { netns: netns(), node: 2, address: "10.244.2.10" };
  const owned = stack.move();
  return { nodes, client, server, [Symbol.dispose]: () => owned.dispose() };
}
