/**
 * Gives a pod's link its addresses and routes, and sets it up.
 * Addresses of IPv6 are usable at once: Podwire owns both ends of the pair and gave the address once, so there is nothing
 * that duplicate address detection (RFC 4862 section 5.4) could find; with `detectDuplicates` it runs and is waited for.
 */

import { isErrno } from "#kernel/kernel-error.ts";
import { addAddress, type NewAddress } from "#kernel/rtnetlink/address.ts";
import { setLink } from "#kernel/rtnetlink/link.ts";
import { addRoute, appendRoute, type NewRoute } from "#kernel/rtnetlink/route.ts";
import { writeSysctls } from "#kernel/sysctl.ts";
import { broadcastOf, type IpPlan, type PodRoute } from "./ip-plan.ts";
import type { PodNetns } from "./pod-netns.ts";
import { waitForAddresses } from "./wait-for-addresses.ts";

export interface PodLink {
  readonly ifname: string;
  readonly ifindex: number;
}

export interface ConfigureOptions {
  /** Tells the neighbours about the address when the link comes up. */
  readonly announce?: boolean;
  readonly detectDuplicates?: boolean;
  /** How addresses are set, where the plain way does not fit (ptp). */
  readonly addressOptions?: Pick<NewAddress, "noPrefixRoute">;
  /** Routes that have to be there before those of IPAM. */
  readonly linkRoutes?: readonly NewRoute[];
}

export async function configurePod(
  pod: PodNetns,
  { ifname, ifindex }: PodLink,
  { addresses, routes }: Pick<IpPlan, "addresses" | "routes">,
  { announce = false, detectDuplicates = false, addressOptions = {}, linkRoutes = [] }: ConfigureOptions = {},
): Promise<void> {
  const hasIpv6 = addresses.some(({ prefix }) => prefix.family === 6);
  writeSysctls(pod.netns, podSysctls(ifname, { announce, hasIpv6, detectDuplicates }));
  for (const { prefix } of addresses) {
    const noDad = prefix.family === 6 && !detectDuplicates;
    addAddress(pod.rtnetlink, {
      ifindex,
      prefix,
      broadcast: broadcastOf(prefix),
      ...addressOptions,
      ...(noDad && { noDad }),
    });
  }
  setLink(pod.rtnetlink, ifindex, { up: true });
  if (hasIpv6 && detectDuplicates) {
    await waitForAddresses(
      pod,
      ifindex,
      addresses.map(({ prefix }) => prefix.address),
    );
  }
  for (const route of linkRoutes) addRoute(pod.rtnetlink, route);
  for (const route of routes) addPodRoute(pod, ifindex, route);
}

interface SysctlInput {
  readonly announce: boolean;
  readonly hasIpv6: boolean;
  readonly detectDuplicates: boolean;
}

/**
 * arp_notify announces the address when the link comes up, so that neighbours forget a former owner's hardware address. A
 * bridge floods that to every pod; where the hardware address follows from the address, they know the right one already.
 * Source: Documentation/networking/ip-sysctl.rst, Linux 6.1.
 */
function podSysctls(
  ifname: string,
  { announce, hasIpv6, detectDuplicates }: SysctlInput,
): Readonly<Record<string, string>> {
  const ipv6 = `net/ipv6/conf/${ifname}`;
  return {
    ...(announce && { [`net/ipv4/conf/${ifname}/arp_notify`]: "1" }),
    ...(hasIpv6 && {
      "net/ipv6/conf/lo/disable_ipv6": "0",
      [`${ipv6}/disable_ipv6`]: "0",
      [`${ipv6}/keep_addr_on_down`]: "1",
      [`${ipv6}/accept_dad`]: detectDuplicates ? "1" : "0",
    }),
    ...(hasIpv6 && detectDuplicates && { [`${ipv6}/enhanced_dad`]: "1" }),
  };
}

function addPodRoute(pod: PodNetns, ifindex: number, route: PodRoute): void {
  const { prefix, via, priority, table, scope, mtu, advmss } = route;
  const wanted: NewRoute = {
    destination: prefix,
    oif: ifindex,
    gateway: via,
    priority,
    table,
    scope: scope ?? (via === undefined ? undefined : 0),
    mtu,
    advmss,
  };
  try {
    addRoute(pod.rtnetlink, wanted);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    appendRoute(pod.rtnetlink, wanted); // the same destination twice, with another gateway
  }
}
