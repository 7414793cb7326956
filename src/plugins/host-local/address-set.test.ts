import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAddressSet } from "./address-set.ts";

const BASES = [0n, 0x0a010000n, (1n << 32n) - 4096n, 0xfd00n << 112n, (1n << 128n) - 4096n];

test("createAddressSet finds and counts what a plain set does", () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), offset: fc.nat(4095) }), { maxLength: 200 });
  const runs = fc.array(fc.record({ start: fc.nat(4095), length: fc.nat(1500) }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...BASES), steps, runs, fc.nat(4095), fc.nat(4095), (base, changes, dense, a, b) => {
      const set = createAddressSet();
      const plain = new Set<number>();
      for (const { start, length } of dense) {
        for (let offset = start; offset < Math.min(start + length, 4096); offset += 1) {
          set.add(base + BigInt(offset));
          plain.add(offset);
        }
      }
      for (const { add, offset } of changes) {
        if (add) set.add(base + BigInt(offset));
        else set.delete(base + BigInt(offset));
        if (add) plain.add(offset);
        else plain.delete(offset);
      }
      const [from, to] = a < b ? [a, b] : [b, a];
      const offsets = Array.from({ length: to - from + 1 }, (_, index) => from + index);
      const absent = offsets.find((offset) => !plain.has(offset));
      const found = set.nextAbsent(base + BigInt(from), base + BigInt(to));
      assert.equal(found, absent === undefined ? undefined : base + BigInt(absent));
      const present = offsets.filter((offset) => plain.has(offset)).length;
      assert.equal(set.count(base + BigInt(from), base + BigInt(to)), present);
    }),
    { numRuns: 500 },
  );
});

test("createAddressSet.nextAbsent answers nothing for an empty stretch", () => {
  assert.equal(createAddressSet().nextAbsent(5n, 4n), undefined);
});
