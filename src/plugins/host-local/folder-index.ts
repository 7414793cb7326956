/**
 * What a folder of reservations holds, in memory: who has an address, which addresses somebody has, and what is free.
 * All questions of ADD and DEL cost the same for four and for four thousand reservations.
 */
import { addressToBigInt, familyOf, type IpAddress } from "#base/ip-address.ts";
import { type AddressSet, createAddressSet } from "./address-set.ts";

/** One file. */
export interface Reservation {
  /** The file's content without white space around it: `<container ID>\r\n<ifname>`, or the ID alone in old files. */
  readonly owner: string;
  /** Tells this file from a later one of the same name; absent when the two could look the same. */
  readonly version?: string | undefined;
}

export interface FolderIndex {
  readonly reservations: ReadonlyMap<IpAddress, Reservation>;
  set(address: IpAddress, reservation: Reservation): void;
  delete(address: IpAddress): void;
  addressesOf(owner: string): readonly IpAddress[];
  taken(family: 4 | 6): AddressSet;
}

export function createFolderIndex(): FolderIndex {
  const reservations = new Map<IpAddress, Reservation>();
  const byOwner = new Map<string, Set<IpAddress>>();
  const taken = { 4: createAddressSet(), 6: createAddressSet() };

  function forgetOwner(address: IpAddress): void {
    const owner = reservations.get(address)?.owner;
    if (owner === undefined) return;
    const addresses = byOwner.get(owner);
    addresses?.delete(address);
    if (addresses?.size === 0) byOwner.delete(owner);
  }

  return {
    reservations,
    set(address, reservation) {
      forgetOwner(address);
      reservations.set(address, reservation);
      taken[familyOf(address)].add(addressToBigInt(address));
      const addresses = byOwner.get(reservation.owner);
      if (addresses === undefined) byOwner.set(reservation.owner, new Set([address]));
      else addresses.add(address);
    },
    delete(address) {
      forgetOwner(address);
      if (reservations.delete(address)) taken[familyOf(address)].delete(addressToBigInt(address));
    },
    addressesOf: (owner) => [...(byOwner.get(owner) ?? [])],
    taken: (family) => taken[family],
  };
}
