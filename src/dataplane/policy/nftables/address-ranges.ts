/** ipBlocks as ranges of addresses that do not overlap, for sets of intervals. Pure. */
import {
  addressBytes,
  addressToBigInt,
  bigIntToAddress,
  type Family,
  lastAddress,
  networkOf,
  type Prefix,
} from "#base/ip-address.ts";
import { intervalElements, type NftSetElement } from "#kernel/nfnetlink/set-element.ts";

export interface Block {
  readonly cidr: Prefix;
  readonly except: readonly Prefix[];
}

/** First to last, both included. */
export interface NumberRange<N extends bigint | number> {
  readonly first: N;
  readonly last: N;
}

/** The union of the blocks of one family, in order; neighbours are one range. */
export function blockRanges(blocks: readonly Block[], family: Family): readonly NumberRange<bigint>[] {
  const ofFamily = blocks.filter(({ cidr }) => cidr.family === family);
  return mergeRanges(
    ofFamily.flatMap(({ cidr, except }) =>
      subtract(
        rangeOf(cidr),
        except.filter((one) => one.family === family),
      ),
    ),
  );
}

export function rangeElements(ranges: readonly NumberRange<bigint>[], family: Family): readonly NftSetElement[] {
  const bytes = (value: bigint): Uint8Array => addressBytes(bigIntToAddress(family, value));
  return ranges.flatMap(({ first, last }) => intervalElements(bytes(first), bytes(last)));
}

/** The same numbers in as few ranges as can be, in order. */
export function mergeRanges<N extends bigint | number>(ranges: readonly NumberRange<N>[]): readonly NumberRange<N>[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: { first: N; last: N }[] = [];
  for (const { first, last } of sorted) {
    const before = merged.at(-1);
    if (before === undefined || isBehind(before.last, first)) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return merged;
}

/** There is a number between them. */
function isBehind(last: bigint | number, first: bigint | number): boolean {
  return BigInt(first) > BigInt(last) + 1n;
}

function rangeOf(prefix: Prefix): NumberRange<bigint> {
  return { first: addressToBigInt(networkOf(prefix).address), last: addressToBigInt(lastAddress(prefix)) };
}

function subtract(range: NumberRange<bigint>, except: readonly Prefix[]): readonly NumberRange<bigint>[] {
  let left: readonly NumberRange<bigint>[] = [range];
  for (const hole of except.map(rangeOf)) {
    left = left.flatMap(({ first, last }) => {
      if (hole.last < first || hole.first > last) return [{ first, last }];
      return [
        ...(hole.first > first ? [{ first, last: hole.first - 1n }] : []),
        ...(hole.last < last ? [{ first: hole.last + 1n, last }] : []),
      ];
    });
  }
  return left;
}
