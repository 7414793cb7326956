/**
 * The cluster's name server as an address of this node: packets of its pods end here, whatever routes and Services there
 * are. They stand on `lo`; the label tells an IPv4 address of ours, for IPv6 it is what the kernel's flags say.
 * Equal to `ip address add 10.96.0.10/32 dev lo label lo:podwire-dns`.
 */
import { familyOf, hostPrefix, type IpAddress } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import type { NetlinkSocket } from "#kernel/netlink/socket.ts";
import { type Address, addAddress, deleteAddress, listAddresses } from "#kernel/rtnetlink/address.ts";
import { findLink } from "#kernel/rtnetlink/link.ts";

const LABEL = "lo:podwire-dns";

export interface AddressChanges {
  readonly add: readonly IpAddress[];
  readonly remove: readonly IpAddress[];
}

/** `present`: those of `lo`. Pure. */
export function planDnsAddresses(wanted: readonly IpAddress[], present: readonly Address[]): AddressChanges {
  const there = new Set(present.map(({ prefix }) => prefix.address));
  const ours = present.filter(isOurs).map(({ prefix }) => prefix.address);
  return {
    add: wanted.filter((address) => !there.has(address)),
    remove: ours.filter((address) => !wanted.includes(address)),
  };
}

/** Those that an earlier run has left. */
export function findDnsAddresses(socket: NetlinkSocket): readonly IpAddress[] {
  const loopback = findLink(socket, { name: "lo" });
  if (loopback === undefined) return [];
  const present = listAddresses(socket, { ifindex: loopback.ifindex });
  return present.filter(isOurs).map(({ prefix }) => prefix.address);
}

/** Those of earlier runs are adopted, or go when they are wanted no more. Answers what it changed. */
export function applyDnsAddresses(socket: NetlinkSocket, wanted: readonly IpAddress[]): AddressChanges {
  const loopback = findLink(socket, { name: "lo" });
  if (loopback === undefined) throw new Error(`Cannot serve DNS: link "lo" is not there`);
  const { ifindex } = loopback;
  const changes = planDnsAddresses(wanted, listAddresses(socket, { ifindex }));
  for (const address of changes.add) {
    const label = familyOf(address) === 4 ? LABEL : undefined;
    try {
      addAddress(socket, { ifindex, prefix: hostPrefix(address), label, noDad: true, noPrefixRoute: true });
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error; // somebody else was faster; it is there
    }
  }
  for (const address of changes.remove) {
    try {
      deleteAddress(socket, { ifindex, prefix: hostPrefix(address) });
    } catch (error) {
      if (!isErrno(error, "EADDRNOTAVAIL")) throw error; // gone already
    }
  }
  return changes;
}

/** Nobody else adds whole IPv6 addresses to `lo` without a route for them; ::1 is the kernel's, with one. */
function isOurs({ label, prefix, noPrefixRoute }: Address): boolean {
  return prefix.family === 4 ? label === LABEL : prefix.length === 128 && noPrefixRoute;
}
