/** The bridge as its pods' gateway. */
import { formatPrefix, overlaps, type Prefix, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { CniError } from "#cni/cni-error.ts";
import type { CniResult } from "#cni/result.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { addAddress, deleteAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { findLink, type Link, setLink } from "#kernel/rtnetlink/link.ts";
import type { Host } from "../host.ts";
import { failed } from "../pod/check-pod.ts";
import { broadcastOf, type PodAddress } from "../pod/ip-plan.ts";
import type { BridgeConfig } from "./bridge-config.ts";
import { vlanGatewayName } from "./vlan.ts";

/**
 * Gives the bridge the gateway addresses. With `force`, those that are in the way are removed. A bridge that gets an
 * address keeps its hardware address from then on: otherwise it would follow its ports, and pods would have a wrong
 * neighbour for their gateway.
 */
export function ensureGateway(
  { rtnetlink }: Pick<Host, "rtnetlink">,
  bridge: Pick<Link, "ifindex" | "name" | "mac">,
  addresses: readonly PodAddress[],
  force: boolean,
): void {
  const families = new Set(addresses.map(({ prefix }) => prefix.family));
  let present = [...families].flatMap((family) =>
    listAddresses(rtnetlink, { ifindex: bridge.ifindex, family }).map(({ prefix }) => prefix),
  );
  let isNewGateway = false;
  for (const { prefix, gateway } of addresses) {
    if (gateway === undefined) continue;
    const wanted: Prefix = { ...prefix, address: gateway };
    if (present.some(({ address, length }) => address === wanted.address && length === wanted.length)) continue;
    for (const other of present.filter((one) => isInTheWay(one, wanted))) {
      if (!force) {
        const message = `"${bridge.name}" already has an IP address different from ${formatPrefix(wanted)}`;
        throw new CniError("invalidConfig", message, `forceAddress=false, present=${formatPrefix(other)}`);
      }
      deleteAddress(rtnetlink, { ifindex: bridge.ifindex, prefix: other });
      present = present.filter((one) => one !== other);
    }
    isNewGateway = true;
    try {
      addAddress(rtnetlink, {
        ifindex: bridge.ifindex,
        prefix: wanted,
        broadcast: broadcastOf(wanted),
        noDad: wanted.family === 6,
      });
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error; // added by another process since we looked
    }
  }
  if (isNewGateway) setLink(rtnetlink, bridge.ifindex, { mac: bridge.mac });
}

/** Throws CniError 103 unless the link that is the pod's gateway has the addresses which the result names. */
export function checkGateway(
  { rtnetlink }: Pick<Host, "rtnetlink">,
  { bridge, vlan }: Pick<BridgeConfig, "bridge" | "vlan">,
  { ips = [] }: CniResult,
): void {
  const name = vlan === 0 ? bridge : vlanGatewayName(bridge, vlan);
  const link = findLink(rtnetlink, { name });
  if (link === undefined) throw failed(`Cannot find link "${name}": the pod's gateway is gone`);
  const present = listAddresses(rtnetlink, { ifindex: link.ifindex }).map(({ prefix }) => formatPrefix(prefix));
  for (const { address, gateway } of ips) {
    if (gateway === undefined) continue;
    const wanted = formatPrefix({ ...parsePrefix(address), address: parseAddress(gateway) });
    if (!present.includes(wanted))
      throw failed(`Address ${wanted} is not on "${name}"`, `present=${present.join(",")}`);
  }
}

/** A bridge has one IPv4 address; of IPv6 several, as long as their networks differ. Link-local ones are its own. */
function isInTheWay(present: Prefix, wanted: Prefix): boolean {
  if (present.family !== wanted.family) return false;
  if (present.family === 4) return true;
  return overlaps(present, wanted);
}
