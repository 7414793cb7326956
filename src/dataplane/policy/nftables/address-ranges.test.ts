import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressToBigInt,
  bigIntToAddress,
  contains,
  type Family,
  networkOf,
  type Prefix,
  parsePrefix,
} from "#base/ip-address.ts";
import { type Block, blockRanges, mergeRanges } from "./address-ranges.ts";

/** Of few addresses, so that blocks meet: the last byte of either family. */
const prefixes = (family: Family): fc.Arbitrary<Prefix> =>
  fc
    .record({ last: fc.nat(255), bits: fc.integer({ min: 0, max: 8 }) })
    .map(({ last, bits }) =>
      networkOf(parsePrefix(family === 4 ? `10.0.0.${last}/${24 + bits}` : `fd00::${last.toString(16)}/${120 + bits}`)),
    );

for (const family of [4, 6] as const) {
  test(`blockRanges has exactly the addresses of the blocks, in order and apart: IPv${family}`, () => {
    const blocks: fc.Arbitrary<Block[]> = fc.array(
      fc.record({ cidr: prefixes(family), except: fc.array(prefixes(family), { maxLength: 3 }) }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(blocks, (some) => {
        const ranges = blockRanges(some, family);
        const base = addressToBigInt(networkOf(parsePrefix(family === 4 ? "10.0.0.0/24" : "fd00::/120")).address);
        for (let last = -1n; last <= 256n; last++) {
          const value = base + last;
          const address = bigIntToAddress(family, value);
          const wanted = some.some(
            ({ cidr, except }) => contains(cidr, address) && !except.some((one) => contains(one, address)),
          );
          assert.equal(
            ranges.some((range) => range.first <= value && value <= range.last),
            wanted,
            address,
          );
        }
        for (const [index, range] of ranges.entries()) {
          const next = ranges[index + 1];
          assert.ok(range.first <= range.last && (next === undefined || next.first > range.last + 1n));
        }
      }),
    );
  });
}

test("mergeRanges joins neighbours, and leaves a gap of one", () => {
  const ranges = [
    { first: 81, last: 90 },
    { first: 80, last: 80 },
    { first: 92, last: 95 },
  ];
  assert.deepEqual(mergeRanges(ranges), [
    { first: 80, last: 90 },
    { first: 92, last: 95 },
  ]);
});
