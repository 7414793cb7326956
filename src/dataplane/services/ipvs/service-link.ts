/**
 * The link that makes Services' addresses the node's own, because IPVS takes only what is sent to the node: `kube-ipvs0`,
 * as with kube-proxy. Of the kind dummy; a bridge without ports does the same on kernels that have no dummy.
 */
import { contains, familyOf, hostPrefix, type IpAddress, parsePrefix } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { addAddress, deleteAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { scopes } from "#kernel/rtnetlink/family.ts";
import { createLink, deleteLink, findLink } from "#kernel/rtnetlink/link.ts";

export const SERVICE_LINK = "kube-ipvs0";
const LOOPBACK = [parsePrefix("127.0.0.0/8"), parsePrefix("::1/128")];

export interface AddressLook {
  readonly ifindex: number | undefined;
  readonly bound: ReadonlySet<IpAddress>;
  /** The node's own: global ones on other links. */
  readonly own: readonly IpAddress[];
}

export function observeAddresses(rtnl: NetlinkSocket): AddressLook {
  const ifindex = findLink(rtnl, { name: SERVICE_LINK })?.ifindex;
  const all = listAddresses(rtnl).filter(({ scope }) => scope === scopes.global);
  const addressOf = (onLink: boolean) =>
    all
      .filter((one) => (one.ifindex === ifindex) === onLink)
      .map(({ prefix }) => prefix.address)
      .filter((address) => !LOOPBACK.some((prefix) => contains(prefix, address)));
  return { ifindex, bound: new Set(addressOf(true)), own: [...new Set(addressOf(false))].toSorted() };
}

export interface AddressChanges {
  readonly added: readonly IpAddress[];
  readonly removed: readonly IpAddress[];
}

export function planAddresses({ bound }: AddressLook, wanted: readonly IpAddress[]): AddressChanges {
  const right = new Set(wanted);
  return {
    added: [...right].filter((address) => !bound.has(address)),
    removed: [...bound].filter((address) => !right.has(address)),
  };
}

/** Also when some of it is so already. Throws KernelError. */
export function applyAddresses(rtnl: NetlinkSocket, ifindex: number, { added, removed }: AddressChanges): void {
  for (const address of added) {
    try {
      addAddress(rtnl, { ifindex, prefix: hostPrefix(address), ...(familyOf(address) === 6 && { noDad: true }) });
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error; // as wanted
    }
  }
  for (const address of removed) {
    try {
      deleteAddress(rtnl, { ifindex, prefix: hostPrefix(address) });
    } catch (error) {
      if (!isErrno(error, "EADDRNOTAVAIL")) throw error; // as wanted
    }
  }
}

export function describeAddresses({ added, removed }: AddressChanges): readonly string[] {
  return [
    ...added.map((address) => `address add ${address} dev ${SERVICE_LINK}`),
    ...removed.map((address) => `address delete ${address} dev ${SERVICE_LINK}`),
  ];
}

export function ensureServiceLink(rtnl: NetlinkSocket): number {
  const found = findLink(rtnl, { name: SERVICE_LINK });
  if (found !== undefined) return found.ifindex;
  const link = { name: SERVICE_LINK, up: true } as const;
  try {
    return createLink(rtnl, { ...link, kind: { type: "other", kind: "dummy" } }).ifindex;
  } catch (error) {
    if (!isErrno(error, "EOPNOTSUPP")) throw error; // no such kind
    return createLink(rtnl, { ...link, kind: { type: "bridge" } }).ifindex;
  }
}

export function removeServiceLink(rtnl: NetlinkSocket): void {
  const ifindex = findLink(rtnl, { name: SERVICE_LINK })?.ifindex;
  if (ifindex !== undefined) deleteLink(rtnl, ifindex);
}
