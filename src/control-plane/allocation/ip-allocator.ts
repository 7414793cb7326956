/** Addresses of Services: one prefix, each address once. Source: Kubernetes documentation, "Service ClusterIP allocation". */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  familyOf,
  formatPrefix,
  type IpAddress,
  networkOf,
  type Prefix,
} from "#base/ip-address.ts";
import { createNumberPool, type NumberPool } from "./number-pool.ts";

/** Of very large prefixes only the start is used. */
const MAX_ADDRESSES = 1 << 20;

export interface IpAllocator {
  readonly family: Family;
  /** Throws AllocationError. */
  hold(address: IpAddress): void;
  /** Throws AllocationError when none is free. */
  holdNext(): IpAddress;
  drop(address: IpAddress): void;
  /** What is stored for an owner; addresses of other families do not count. */
  setOwned(owner: string, addresses: readonly IpAddress[]): void;
  owners(): readonly string[];
  shared(): readonly { readonly address: IpAddress; readonly owners: readonly string[] }[];
}

/** A number or address that cannot be given; the message is the end of a sentence. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
}

export function createIpAllocator(prefix: Prefix, random: () => number): IpAllocator {
  const network = networkOf(prefix);
  const { family } = network;
  const base = addressToBigInt(network.address);
  const pool: NumberPool = createNumberPool(rangeOf(network), random);
  const offsetOf = (address: IpAddress): number =>
    contains(network, address) ? Number(addressToBigInt(address) - base) : -1;
  const addressAt = (offset: number): IpAddress => bigIntToAddress(family, base + BigInt(offset));
  return {
    family,
    hold(address) {
      const outcome = pool.hold(offsetOf(address));
      if (outcome === "held") return;
      throw new AllocationError(
        outcome === "taken"
          ? "provided IP is already allocated"
          : `provided IP is not in the valid range. The range of valid IPs is ${formatPrefix(network)}`,
      );
    },
    holdNext() {
      const offset = pool.holdNext();
      if (offset === undefined) throw new AllocationError("range is full");
      return addressAt(offset);
    },
    drop: (address) => pool.drop(offsetOf(address)),
    setOwned(owner, addresses) {
      pool.setOwned(owner, addresses.filter((address) => familyOf(address) === family).map(offsetOf));
    },
    owners: () => pool.owners(),
    shared: () => pool.shared().map(({ number, owners }) => ({ address: addressAt(number), owners })),
  };
}

/** Without the network's own address and an IPv4 network's broadcast address. */
function rangeOf({ family, length }: Prefix) {
  const bits = Math.min(addressLength(family) - length, 52);
  const size = Math.min(2 ** bits, MAX_ADDRESSES);
  const isWhole = size === 2 ** bits;
  const last = size - (family === 4 && isWhole ? 2 : 1);
  // As large as Kubernetes' static band.
  const band = Math.min(Math.max(16, Math.floor(last / 16)), 256);
  return { first: 1, last, dynamicFrom: band >= last ? 1 : band + 1 };
}
