/** The node as a router for pods, and none of them as a router for the node. */
import { SysctlError, writeSysctls } from "#kernel/sysctl.ts";
import type { Host } from "../host.ts";
import type { PodAddress } from "./ip-plan.ts";

/** Forwarding for the families of the addresses, unless it is on. */
export function enableForwarding(netns: Host["netns"], addresses: readonly PodAddress[]): void {
  const has = (family: 4 | 6): boolean => addresses.some(({ prefix }) => prefix.family === family);
  writeSysctls(netns, {
    ...(has(4) && { "net/ipv4/ip_forward": "1" }),
    ...(has(6) && { "net/ipv6/conf/all/forwarding": "1" }),
  });
}

/**
 * A link that pods send to must not take addresses and routes from what any of them advertises (CVE-2020-10749).
 * Where the kernel has no IPv6, there is nothing to refuse.
 */
export function refuseRouterAdvertisements({ netns }: Pick<Host, "netns">, link: string): void {
  try {
    writeSysctls(netns, { [`net/ipv6/conf/${link}/accept_ra`]: "0" });
  } catch (error) {
    if (!(error instanceof SysctlError && error.code === "ENOENT")) throw error;
  }
}
