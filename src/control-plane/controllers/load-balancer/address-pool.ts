/**
 * Single addresses out of some prefixes, each with one owner. One that was given back is given last, since clients may
 * still know it. Network and broadcast addresses are given to nobody.
 */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  type IpAddress,
  lastAddress,
  networkOf,
  type Prefix,
} from "#base/ip-address.ts";

export interface AddressPool {
  contains(address: IpAddress): boolean;
  /** Another one has none of the owner's: undefined when the address is somebody else's, or none of the pool. */
  take(owner: string, address: IpAddress): IpAddress | undefined;
  /** Any free one; undefined when there is none. */
  takeAny(owner: string, family: Family): IpAddress | undefined;
  /** All of the owner's but these. */
  release(owner: string, except?: readonly IpAddress[]): void;
  ownerOf(address: IpAddress): string | undefined;
}

/** Where all are taken, nobody looks further: a larger pool than that is never full. */
const MAX_SEARCH = 65_536n;

export function createAddressPool(prefixes: readonly Prefix[]): AddressPool {
  const owners = new Map<IpAddress, string>();
  const ranges = prefixes.map((prefix) => ({ prefix: networkOf(prefix), ...usableRange(prefix), next: 0n }));
  const isIn = (address: IpAddress): boolean =>
    ranges.some(({ prefix, first, last }) => {
      if (!contains(prefix, address)) return false;
      const value = addressToBigInt(address);
      return value >= first && value <= last;
    });

  return {
    contains: isIn,
    take(owner, address) {
      if (!isIn(address) || (owners.get(address) ?? owner) !== owner) return undefined;
      owners.set(address, owner);
      return address;
    },
    takeAny(owner, family) {
      for (const range of ranges) {
        if (range.prefix.family !== family) continue;
        const size = range.last - range.first + 1n;
        for (let step = 0n; step < size && step < MAX_SEARCH; step += 1n) {
          const at = (range.next + step) % size;
          const address = bigIntToAddress(family, range.first + at);
          if (owners.has(address)) continue;
          owners.set(address, owner);
          range.next = at + 1n;
          return address;
        }
      }
      return undefined;
    },
    release(owner, except = []) {
      for (const [address, holder] of owners) {
        if (holder === owner && !except.includes(address)) owners.delete(address);
      }
    },
    ownerOf: (address) => owners.get(address),
  };
}

function usableRange(prefix: Prefix): { readonly first: bigint; readonly last: bigint } {
  const first = addressToBigInt(networkOf(prefix).address);
  const last = addressToBigInt(lastAddress(prefix));
  const hostBits = addressLength(prefix.family) - prefix.length;
  return hostBits < 2 ? { first, last } : { first: first + 1n, last: last - 1n };
}
