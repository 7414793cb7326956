/** What the kernel has of the udp data plane: the TUN link, its addresses, and routes. */
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import type { DesiredNetwork } from "../contract.ts";
import { readLinkSysctl } from "../link-sysctl.ts";
import { observeRouteTable } from "../route-table.ts";
import type { NodeKernel } from "../run-operations.ts";
import { observeUnderlay } from "../underlay.ts";
import { type ObservedUdp, TUN_LINK, tunSysctlKey } from "./plan.ts";

export function observeUdp({ socket, netns }: NodeKernel, desired: DesiredNetwork): ObservedUdp {
  const table = observeRouteTable(socket);
  const link = table.links.find(({ name }) => name === TUN_LINK);
  return {
    ...table,
    underlay: observeUnderlay(socket, desired.local),
    tun: link && { link, addresses: listAddresses(socket, { ifindex: link.ifindex }) },
    addrGenMode: readLinkSysctl(netns, TUN_LINK, tunSysctlKey),
  };
}
