import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressToBigInt, bigIntToAddress, parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createAddressSet } from "./address-set.ts";
import { nextFree } from "./next-free.ts";
import { type RangeConfig, type RangeSet, resolveRangeSets } from "./ranges.ts";

function setOf(...configs: readonly RangeConfig[]): RangeSet {
  const [set] = resolveRangeSets([configs], "1.1.0");
  assert.ok(set);
  return set;
}

test("nextFree goes through all ranges from the last address, as a plain walk does", () => {
  const set = setOf(
    { subnet: parsePrefix("10.1.0.0/28") },
    { subnet: parsePrefix("10.3.0.0/28"), rangeStart: parseAddress("10.3.0.4"), rangeEnd: parseAddress("10.3.0.9") },
    { subnet: parsePrefix("10.2.0.0/29"), gateway: parseAddress("10.2.0.4") },
  );
  const circle = set.flatMap(({ first, last }) =>
    Array.from({ length: Number(last - first) + 1 }, (_, index) => first + BigInt(index)),
  );
  const gateways = new Set(set.map((range) => range.reserved));
  fc.assert(
    fc.property(fc.subarray(circle), fc.option(fc.nat(circle.length - 1)), (taken, lastAt) => {
      const addresses = createAddressSet();
      for (const value of taken) addresses.add(value);
      const from = lastAt === null ? 0 : lastAt + 1;
      const order = [...circle.slice(from), ...circle.slice(0, from)];
      const expected = order.find((value) => !taken.includes(value) && !gateways.has(value));
      const last = lastAt === null ? undefined : bigIntToAddress(4, circle[lastAt] ?? 0n);
      const found = nextFree(set, addresses, last);
      assert.equal(found && addressToBigInt(found.address), expected);
    }),
    { numRuns: 1000 },
  );
});

test("nextFree starts at the front when the last address is of another range", () => {
  const set = setOf({ subnet: parsePrefix("fd00::/64") });
  assert.equal(nextFree(set, createAddressSet(), parseAddress("10.1.0.9"))?.address, "fd00::2");
});
