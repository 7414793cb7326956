/** What the kernel has of the VXLAN data plane: both links with their entries, routes, and the underlay. */
import type { Family } from "#base/ip-address.ts";
import { listAddresses } from "#kernel/rtnetlink/address.ts";
import { listFdb } from "#kernel/rtnetlink/fdb.ts";
import type { Link } from "#kernel/rtnetlink/link.ts";
import { listNeighbours } from "#kernel/rtnetlink/neighbour.ts";
import { readTxChecksum } from "#kernel/syscalls/tx-checksum.ts";
import { type DesiredNetwork, FAMILIES } from "../contract.ts";
import { readLinkSysctl } from "../link-sysctl.ts";
import { localFamilies, peerEndpoints } from "../peer-endpoints.ts";
import { observeRouteTable } from "../route-table.ts";
import type { NodeKernel } from "../run-operations.ts";
import { lookupRoutes, observeUnderlay } from "../underlay.ts";
import type { ObservedVtep, ObservedVxlan } from "./plan.ts";
import { vtepSysctlKeys } from "./plan-vtep.ts";
import { type VxlanSettings, vxlanLinkName } from "./vxlan-options.ts";

export function observeVxlan(kernel: NodeKernel, desired: DesiredNetwork, settings: VxlanSettings): ObservedVxlan {
  const { socket } = kernel;
  const table = observeRouteTable(socket);
  const vteps: { [F in Family]?: ObservedVtep } = {};
  for (const family of FAMILIES) {
    const link = table.links.find(({ name }) => name === vxlanLinkName(family, settings.vni));
    if (link) vteps[family] = observeVtep(kernel, link, family, settings);
  }
  const { endpoints } = peerEndpoints(desired, "vxlan");
  const nodes = settings.directRouting ? endpoints.map(({ underlayAddress }) => underlayAddress) : [];
  return {
    ...table,
    underlay: observeUnderlay(socket, desired.local),
    vteps,
    sysctls: observeSysctls(kernel, desired, settings),
    lookups: lookupRoutes(socket, nodes),
  };
}

function observeVtep(
  { socket }: NodeKernel,
  link: Link,
  family: Family,
  { ownChecksums }: VxlanSettings,
): ObservedVtep {
  const { ifindex } = link;
  return {
    link,
    addresses: listAddresses(socket, { ifindex }),
    neighbours: listNeighbours(socket, { ifindex, family }),
    fdb: listFdb(socket, { ifindex }),
    txChecksum: ownChecksums ? readTxChecksum(socket, link.name) : undefined,
  };
}

function observeSysctls(
  { netns }: NodeKernel,
  desired: DesiredNetwork,
  { vni }: VxlanSettings,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const family of localFamilies(desired)) {
    const link = vxlanLinkName(family, vni);
    for (const [index, key] of vtepSysctlKeys(family, link).entries()) {
      const value = readLinkSysctl(netns, link, (name) => vtepSysctlKeys(family, name)[index] ?? key);
      if (value !== undefined) values.set(key, value);
    }
  }
  return values;
}
