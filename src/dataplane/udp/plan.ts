/**
 * udp: pods' packets travel as UDP payload between programs. For underlays where nothing else passes; slow.
 *
 *   pod → bridge → route PEER-PODS dev flannel0 (TUN) → proxy: who has the address? → UDP 8285 over the underlay
 *       → peer's proxy → its flannel0 → its bridge → pod
 *
 * The TUN link is persistent: while the proxy is started again packets wait or are lost, routes and connections stay.
 * Equal to Flannel's back end of the same name on the wire; it has a route per peer, and IPv6 over the IPv6 underlay. Pure.
 */
import { formatPrefix, hostPrefix, type IpAddress, networkOf } from "#base/ip-address.ts";
import type { Address } from "#kernel/rtnetlink/address.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import type { DesiredNetwork, FAMILIES, PeerProblem, PerFamily } from "../contract.ts";
import type { KernelOperation } from "../kernel-operation.ts";
import { planAddress } from "../link-address.ts";
import { localFamilies, peerEndpoints } from "../peer-endpoints.ts";
import { planRoutes, ROUTE_PROTOCOLS, type RouteTable } from "../peer-routes.ts";
import { podMtu, type UnderlayLink } from "../underlay.ts";
import type { TableEntry } from "./peer-table.ts";
import type { ProxySettings } from "./proxy-thread.ts";

/** As Flannel names it. */
export const TUN_LINK = "flannel0";
/** Outer IP and UDP headers. */
export const UDP_OVERHEAD_BYTES = { 4: 28, 6: 48 } as const;
/** IN6_ADDR_GEN_MODE_NONE, include/uapi/linux/if_link.h: no link-local address, whose announcements nobody wants. */
const ADDR_GEN_MODE_NONE = "1";

export interface ObservedUdp extends RouteTable {
  readonly underlay: PerFamily<UnderlayLink>;
  readonly tun: { readonly link: Link; readonly addresses: readonly Address[] } | undefined;
  /** Of the link, or of `default`; undefined without IPv6. */
  readonly addrGenMode: string | undefined;
}

export interface UdpPlan {
  readonly operations: readonly KernelOperation[];
  readonly problems: readonly PeerProblem[];
  readonly proxy: ProxySettings;
  readonly table: readonly TableEntry[];
}

export function tunSysctlKey(link: string): string {
  return `net/ipv6/conf/${link}/addr_gen_mode`;
}

export function planUdp(desired: DesiredNetwork, port: number, observed: ObservedUdp): UdpPlan {
  const { endpoints, problems } = peerEndpoints(desired, "udp");
  const families = localFamilies(desired);
  const own = families.map((family) => [family, ownAddress(desired, family)] as const);
  const kept =
    observed.tun?.link.kind?.type === "tun" && observed.tun.link.kind.mode === "tun" ? observed.tun : undefined;
  const stale = observed.tun !== undefined && kept === undefined ? observed.tun.link.ifindex : undefined;
  const routes = planRoutes(
    { routes: observed.routes.filter(({ oif }) => oif === undefined || oif !== stale), linkNames: observed.linkNames },
    {
      backend: "udp",
      wanted: endpoints.map(({ peer, podPrefix }) => ({
        peer,
        destination: podPrefix,
        link: TUN_LINK,
        protocol: ROUTE_PROTOCOLS.udp,
      })),
      ownLinks: [TUN_LINK],
      peers: desired.peers,
    },
  );
  return {
    operations: [...planTun(observed, kept, own), ...routes.make, ...routes.sweep],
    problems: [...problems, ...routes.taken],
    proxy: {
      port,
      listen: { 4: observed.underlay[4]?.address, 6: observed.underlay[6]?.address },
      own: Object.fromEntries(own),
      podPrefixes: families.flatMap((family) => desired.local.podPrefixes[family] ?? []).map(formatPrefix),
    },
    table: endpoints.map(({ podPrefix, underlayAddress }) => ({
      prefix: formatPrefix(podPrefix),
      node: underlayAddress,
    })),
  };
}

function planTun(
  { tun, underlay, addrGenMode }: ObservedUdp,
  kept: ObservedUdp["tun"],
  own: readonly (readonly [number, IpAddress])[],
): readonly KernelOperation[] {
  const link = TUN_LINK;
  const mtu = podMtu(underlay, UDP_OVERHEAD_BYTES);
  const operations: KernelOperation[] = [];
  if (tun && !kept) operations.push({ do: "delete link", link });
  if (!kept) operations.push({ do: "create tun", link });
  // First: below 1280 bytes there is no IPv6 on a link, neither settings nor addresses.
  if (kept?.link.mtu !== mtu) operations.push({ do: "set link", link, change: { mtu } });
  if (addrGenMode !== undefined && addrGenMode !== ADDR_GEN_MODE_NONE) {
    operations.push({ do: "write sysctl", link, key: tunSysctlKey(link), value: ADDR_GEN_MODE_NONE });
  }
  if (!kept?.link.up) operations.push({ do: "set link", link, change: { up: true } });
  for (const [, address] of own) operations.push(...planAddress(link, hostPrefix(address), kept?.addresses ?? []));
  return operations;
}

/** The first of the pods' prefix, as a VTEP has it. */
function ownAddress({ local }: DesiredNetwork, family: (typeof FAMILIES)[number]): IpAddress {
  const prefix = local.podPrefixes[family];
  if (prefix === undefined) throw new RangeError(`Cannot run the udp back end: the node has no IPv${family} pods`);
  return networkOf(prefix).address;
}
