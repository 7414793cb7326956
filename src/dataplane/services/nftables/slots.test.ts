import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/ip-address.ts";
import type { Backend } from "#service/service-port.ts";
import { assignSlots } from "./slots.ts";

const backend = (number: number): Backend => ({ address: parseAddress(`10.0.0.${number}`), port: 80 });
const backends = (...numbers: readonly number[]): readonly Backend[] => numbers.map(backend);
const lists = fc.uniqueArray(fc.integer({ min: 1, max: 20 })).map((numbers) => numbers.map(backend));
const names = (list: readonly Backend[]) => list.map(({ address }) => address);

test("assignSlots moves the last backend into the place of one that goes", () => {
  assert.deepEqual(assignSlots(backends(1, 2, 3, 4), backends(1, 3, 4)), backends(1, 4, 3));
  assert.deepEqual(assignSlots(backends(1, 2, 3), backends(1, 2, 3, 4)), backends(1, 2, 3, 4));
  assert.deepEqual(assignSlots(backends(1, 2, 3), backends(1, 3, 9)), backends(1, 9, 3));
});

test("assignSlots answers the wanted list itself when nothing differs", () => {
  const wanted = backends(1, 2);
  assert.equal(assignSlots(backends(1, 2), wanted), wanted);
});

test("assignSlots has every wanted backend once, without gaps, and moves no more than it must", () => {
  fc.assert(
    fc.property(lists, lists, (present, wanted) => {
      const slots = assignSlots(present, wanted);
      assert.deepEqual(names(slots).toSorted(), names(wanted).toSorted());
      const kept = present.filter(({ address }, index) => index < wanted.length && names(wanted).includes(address));
      for (const each of kept) assert.equal(slots[present.indexOf(each)]?.address, each.address);
    }),
  );
});
