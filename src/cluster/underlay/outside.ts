/**
 * What lies outside of a cluster: a network namespace behind the underlay's router, with a service on port 80 that tells
 * who asked. It knows the way to nodes and none to pods, so a pod gets answers only where its node translates.
 * Addresses: documentation prefixes of RFC 5737 and RFC 3849.
 */
import { type IpAddress, networkOf, type Prefix, parsePrefix } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "#kernel/netlink/socket.ts";
import { type Netns, unshareNetns } from "#kernel/netns/netns.ts";
import { addAddress } from "#kernel/rtnetlink/address.ts";
import { createVeth, setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { startNetnsService } from "../peer-service.ts";
import { type ProgramResult, runProgram } from "../program.ts";
import type { Families } from "./choose-subnet.ts";
import { linkSysctls } from "./node-uplink.ts";
import { LOOPBACK_IFINDEX, namespaceSysctls } from "./underlay-namespace.ts";
import { waitForLinks } from "./wait-for-links.ts";

export interface Outside extends AsyncDisposable {
  /** `nsenter --net=PATH`; valid as long as the process that started it lives. */
  readonly netnsPath: string;
  /** Of its service: HTTP on port 80. */
  readonly addresses: Families<IpAddress>;
  exec(argv: readonly string[], signal: AbortSignal): Promise<ProgramResult>;
}

export interface OutsideOptions {
  readonly router: Netns;
  readonly subnets: Families<Prefix>;
  readonly mtuBytes: number;
  /** Addresses of load balancers: the router knows the way. */
  readonly pools: readonly Prefix[];
}

const NAME = "outside";
const LINK = "eth0";
/** The router's link to it. */
export const OUTSIDE_LINK = "outside";
const ROUTER: Families<Prefix> = { 4: parsePrefix("203.0.113.1/24"), 6: parsePrefix("2001:db8:113::1/64") };
const SERVICE: Families<Prefix> = { 4: parsePrefix("203.0.113.10/24"), 6: parsePrefix("2001:db8:113::10/64") };

export async function startOutside(options: OutsideOptions, signal: AbortSignal): Promise<Outside> {
  const { router, subnets, mtuBytes, pools } = options;
  await using cleanup = new AsyncDisposableStack();
  const netns = cleanup.use(unshareNetns());
  writeSysctls(netns, namespaceSysctls({ isRouter: false }));
  using near = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns: router });
  using far = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
  const veth = createVeth(near, {
    name: OUTSIDE_LINK,
    mtu: mtuBytes,
    peer: { name: LINK, mtu: mtuBytes, netnsFd: netns.fd },
  });
  writeSysctls(router, linkSysctls(OUTSIDE_LINK));
  writeSysctls(netns, linkSysctls(LINK));
  setLink(near, veth.ifindex, { up: true });
  setLink(far, veth.peerIfindex, { up: true });
  setLink(far, LOOPBACK_IFINDEX, { up: true });
  for (const family of [4, 6] as const) {
    const [destination, routerPrefix, prefix] = [subnets[family], ROUTER[family], SERVICE[family]];
    if (!destination || !routerPrefix || !prefix) continue;
    addAddress(near, { ifindex: veth.ifindex, prefix: routerPrefix, noDad: true });
    addAddress(far, { ifindex: veth.peerIfindex, prefix, noDad: true });
    const networks = pools.filter((pool) => pool.family === family).map(networkOf);
    for (const each of [destination, ...networks]) {
      addRoute(far, { destination: each, gateway: routerPrefix.address, oif: veth.peerIfindex });
    }
  }
  await waitForLinks({ netns, socket: far, ifindexes: [veth.peerIfindex] }, signal);
  cleanup.use(startNetnsService(netns, NAME));
  const owned = cleanup.move();
  return {
    netnsPath: netns.path,
    addresses: { 4: SERVICE[4].address, 6: subnets[6] && SERVICE[6]?.address },
    exec: (argv, signal) => runProgram(["nsenter", `--net=${netns.path}`, "--", ...argv], signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
