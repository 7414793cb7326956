/**
 * Cuts a prefix into equal subnets and gives each to one owner: the pod addresses of nodes. A subnet that was given
 * back is given last, since others may still have routes to it.
 */
import {
  addressLength,
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  formatPrefix,
  lastAddress,
  networkOf,
  overlaps,
  type Prefix,
} from "#base/ip-address.ts";

export interface SubnetAllocator {
  readonly family: Family;
  /** The subnet that the owner has, or a free one that it has from now on; undefined when all are taken. */
  assign(owner: string): Prefix | undefined;
  /** The owner has this subnet, whoever else has it; only that one. False when it is not one of the prefix. */
  occupy(owner: string, subnet: Prefix): boolean;
  release(owner: string): void;
  /** Others than `owner` that have this subnet, too. */
  sharers(owner: string): readonly string[];
}

export interface SubnetAllocatorOptions {
  readonly prefix: Prefix;
  /** Bits. */
  readonly subnetLength: number;
  /** Subnets that overlap with these are given to nobody. */
  readonly reserved?: readonly Prefix[];
}

/** As in Kubernetes: 65,536 subnets. */
const MAX_BITS = 16;

/** Throws RangeError when the prefix cannot be cut that way. */
export function createSubnetAllocator({
  prefix,
  subnetLength,
  reserved = [],
}: SubnetAllocatorOptions): SubnetAllocator {
  const network = networkOf(prefix);
  const { family } = network;
  const bits = subnetLength - network.length;
  if (bits < 0 || bits > MAX_BITS || subnetLength > addressLength(family)) {
    const allowed = `between ${network.length} and ${Math.min(network.length + MAX_BITS, addressLength(family))}`;
    throw new RangeError(`Cannot cut ${formatPrefix(prefix)} into subnets of /${subnetLength}: it must be ${allowed}`);
  }
  const size = 2 ** bits;
  const base = addressToBigInt(network.address);
  const shift = BigInt(addressLength(family) - subnetLength);
  const numberOf = new Map<string, number>();
  const ownersOf = new Map<number, Set<string>>();
  const blocked = new Set(reserved.flatMap((one) => [...numbersWithin(one)]));
  /** Where the search for a free one begins: behind the last that was given. */
  let next = 0;

  function* numbersWithin(one: Prefix): Generator<number> {
    if (one.family !== family || !overlaps(network, one)) return;
    const inside = one.length <= network.length ? network : networkOf(one);
    const last = Number((addressToBigInt(lastAddress(inside)) - base) >> shift);
    for (let number = Number((addressToBigInt(inside.address) - base) >> shift); number <= last; number += 1) {
      yield number;
    }
  }

  function release(owner: string): void {
    const number = numberOf.get(owner);
    if (number === undefined) return;
    numberOf.delete(owner);
    const owners = ownersOf.get(number);
    owners?.delete(owner);
    if (owners?.size === 0) ownersOf.delete(number);
  }

  function give(owner: string, number: number): void {
    if (numberOf.get(owner) === number) return;
    release(owner);
    numberOf.set(owner, number);
    const owners = ownersOf.get(number);
    if (owners === undefined) ownersOf.set(number, new Set([owner]));
    else owners.add(owner);
  }

  function findFree(): number | undefined {
    for (let step = 0; step < size; step += 1) {
      const number = (next + step) % size;
      if (!ownersOf.has(number) && !blocked.has(number)) return number;
    }
    return undefined;
  }

  const subnetAt = (number: number): Prefix => ({
    family,
    address: bigIntToAddress(family, base + (BigInt(number) << shift)),
    length: subnetLength,
  });

  return {
    family,
    assign(owner) {
      const known = numberOf.get(owner);
      if (known !== undefined) return subnetAt(known);
      const number = findFree();
      if (number === undefined) return undefined;
      next = (number + 1) % size;
      give(owner, number);
      return subnetAt(number);
    },
    occupy(owner, subnet) {
      if (subnet.length !== subnetLength || !contains(network, subnet.address)) return false;
      give(owner, Number((addressToBigInt(subnet.address) - base) >> shift));
      return true;
    },
    release,
    sharers(owner) {
      const number = numberOf.get(owner);
      return [...(number === undefined ? [] : (ownersOf.get(number) ?? []))].filter((other) => other !== owner);
    },
  };
}
