/**
 * How addresses of load balancers are reached from outside of a cluster: the router spreads connections over all nodes that
 * were attached, since each node translates each Service. It stands for what BGP with equal costs does elsewhere, and like
 * that knows nothing of Services: a node without endpoints drops what externalTrafficPolicy Local leaves to it.
 * What nodes themselves send to such an address comes back to nobody: it is unreachable, and does not go in circles.
 *
 *   ip route add POOL table 100 nexthop via NODE dev underlay nexthop via NODE dev underlay …
 *   ip rule add iif outside table 100
 *   ip route add unreachable POOL
 */
import { type Family, networkOf, type Prefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { addRoute, replaceRoute } from "#kernel/rtnetlink/route.ts";
import { addRule } from "#kernel/rtnetlink/rule.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import type { Families } from "./choose-subnet.ts";
import { nodeAddresses } from "./underlay-addresses.ts";

export interface PoolRoutesOptions {
  readonly router: Netns;
  /** Ifindex of the router's link to the nodes. */
  readonly bridge: number;
  /** Name of its link to the outside. */
  readonly outsideLink: string;
  readonly subnets: Families<Prefix>;
  readonly pools: readonly Prefix[];
}

export interface PoolRoutes {
  /** A node is there; those that were there before stay. `index` as in underlay-addresses.ts. */
  addNode(index: number): void;
}

const TABLE = 100;

export function createPoolRoutes({ router, bridge, outsideLink, subnets, pools }: PoolRoutesOptions): PoolRoutes {
  const networks = pools.map(networkOf);
  const nodes = new Set<number>();
  using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: router });
  for (const destination of networks) addRoute(socket, { destination, type: "unreachable" });
  for (const family of new Set(networks.map((network) => network.family))) {
    addRule(socket, { family, iif: outsideLink, table: TABLE });
  }
  if (networks.length > 0) writeSysctls(router, MULTIPATH_SYSCTLS);

  function gateway(index: number, family: Family) {
    return nodeAddresses(subnets, index)[family];
  }

  return {
    addNode(index) {
      if (networks.length === 0 || nodes.has(index)) return;
      nodes.add(index);
      using changing = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: router });
      for (const destination of networks) {
        const nextHops = [...nodes]
          .toSorted((a, b) => a - b)
          .flatMap((node) => gateway(node, destination.family) ?? [])
          .map((address) => ({ gateway: address, oif: bridge }));
        if (nextHops.length > 0) replaceRoute(changing, { destination, table: TABLE, nextHops });
      }
    },
  };
}

/** By connection, and not to a node that does not answer. Source: Documentation/networking/ip-sysctl.rst. */
const MULTIPATH_SYSCTLS = {
  "net/ipv4/fib_multipath_hash_policy": 1,
  "net/ipv4/fib_multipath_use_neigh": 1,
  "net/ipv6/fib_multipath_hash_policy": 1,
} as const;
