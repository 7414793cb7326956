/**
 * The order in which addresses are given away: round robin through all ranges of a set, from the one behind the last,
 * so that an address rests for as long as possible before it is used again. The order is that of the reference.
 */
import { addressToBigInt, bigIntToAddress, type IpAddress } from "#base/ip-address.ts";
import type { AddressSet } from "./address-set.ts";
import { type AddressRange, findRange, type RangeSet } from "./ranges.ts";

export interface FreeAddress {
  readonly address: IpAddress;
  readonly range: AddressRange;
}

/** Undefined when the set is exhausted. A `last` outside of the set counts as none. */
export function nextFree(set: RangeSet, taken: AddressSet, last: IpAddress | undefined): FreeAddress | undefined {
  for (const { range, from, to } of searchOrder(set, last)) {
    const value = nextAllowed(range, taken, from, to);
    if (value !== undefined) return { address: bigIntToAddress(range.subnet.family, value), range };
  }
  return undefined;
}

interface Stretch {
  readonly range: AddressRange;
  readonly from: bigint;
  readonly to: bigint;
}

function searchOrder(set: RangeSet, last: IpAddress | undefined): readonly Stretch[] {
  const whole = set.map((range) => ({ range, from: range.first, to: range.last }));
  const current = last === undefined ? undefined : findRange(set, last);
  if (last === undefined || current === undefined) return whole;
  const at = set.indexOf(current);
  const value = addressToBigInt(last);
  return [
    { range: current, from: value + 1n, to: current.last },
    ...whole.slice(at + 1),
    ...whole.slice(0, at),
    { range: current, from: current.first, to: value },
  ];
}

function nextAllowed(range: AddressRange, taken: AddressSet, from: bigint, to: bigint): bigint | undefined {
  const value = taken.nextAbsent(from, to);
  return value !== undefined && value === range.reserved ? taken.nextAbsent(value + 1n, to) : value;
}
