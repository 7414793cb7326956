import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, parsePrefix } from "#base/ip-address.ts";
import { createIpAllocator } from "./ip-allocator.ts";
import { createNumberPool } from "./number-pool.ts";
import { createPortAllocator, NODE_PORTS } from "./port-allocator.ts";

const range = { first: 10, last: 19, dynamicFrom: 13 };

test("createNumberPool gives each number once, the lower part last", () => {
  const pool = createNumberPool(range, () => 0.5);
  const given = Array.from({ length: 10 }, () => pool.holdNext());
  assert.deepEqual(given.slice(0, 7).sort(), [13, 14, 15, 16, 17, 18, 19]);
  assert.deepEqual(given.slice(7).sort(), [10, 11, 12]);
  assert.equal(pool.holdNext(), undefined);
  pool.drop(14);
  assert.equal(pool.holdNext(), 14);
});

test("createNumberPool tells why a number cannot be had", () => {
  const pool = createNumberPool(range, () => 0);
  assert.equal(pool.hold(9), "outside");
  assert.equal(pool.hold(20), "outside");
  assert.equal(pool.hold(10.5), "outside");
  assert.equal(pool.hold(10), "held");
  assert.equal(pool.hold(10), "taken");
  pool.setOwned("a", [11]);
  assert.equal(pool.hold(11), "taken");
});

test("createNumberPool follows what owners have", () => {
  const pool = createNumberPool(range, () => 0);
  pool.setOwned("a", [10, 11, 99]);
  pool.setOwned("b", [11]);
  assert.deepEqual(pool.shared(), [{ number: 11, owners: ["a", "b"] }]);
  assert.deepEqual(pool.owners(), ["a", "b"]);
  pool.setOwned("a", [10]);
  assert.deepEqual(pool.shared(), []);
  pool.setOwned("b", []);
  assert.equal(pool.hold(11), "held");
  assert.deepEqual(pool.owners(), ["a"]);
});

test("createNumberPool never gives what somebody has", () => {
  const number = fc.integer({ min: 10, max: 19 });
  const action = fc.oneof(
    fc.record({ type: fc.constant("next" as const) }),
    fc.record({ type: fc.constant("drop" as const), number }),
    fc.record({
      type: fc.constant("own" as const),
      owner: fc.constantFrom("a", "b"),
      numbers: fc.array(number, { maxLength: 4 }),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 60 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (actions, random) => {
        const pool = createNumberPool(range, () => random);
        const held = new Set<number>();
        const owned = new Map<string, readonly number[]>();
        for (const one of actions) {
          if (one.type === "drop") {
            pool.drop(one.number);
            held.delete(one.number);
          } else if (one.type === "own") {
            pool.setOwned(one.owner, one.numbers);
            owned.set(one.owner, one.numbers);
          } else {
            const taken = new Set([...held, ...[...owned.values()].flat()]);
            const given = pool.holdNext();
            if (given === undefined) assert.equal(taken.size, 10);
            else {
              assert.equal(taken.has(given), false);
              held.add(given);
            }
          }
        }
      },
    ),
  );
});

const prefixes = [
  { prefix: "10.96.0.0/30", addresses: ["10.96.0.1", "10.96.0.2"] },
  { prefix: "fd00::/126", addresses: ["fd00::1", "fd00::2", "fd00::3"] },
];
for (const { prefix, addresses } of prefixes) {
  test(`createIpAllocator gives all of ${prefix}`, () => {
    const allocator = createIpAllocator(parsePrefix(prefix), () => 0.3);
    const given = addresses.map(() => allocator.holdNext());
    assert.deepEqual([...given].sort(), addresses);
    assert.throws(() => allocator.holdNext(), /^AllocationError: range is full$/);
    allocator.drop(parseAddress(addresses[0] ?? ""));
    assert.equal(allocator.holdNext(), addresses[0]);
  });
}

test("createIpAllocator refuses what is not in its range", () => {
  const allocator = createIpAllocator(parsePrefix("10.96.0.0/12"), () => 0);
  const text = /provided IP is not in the valid range. The range of valid IPs is 10.96.0.0\/12/;
  for (const address of ["10.96.0.0", "10.111.255.255", "10.112.0.0", "fd00::1"]) {
    assert.throws(() => allocator.hold(parseAddress(address)), text, address);
  }
  allocator.hold(parseAddress("10.111.255.254"));
  allocator.setOwned("a", [parseAddress("10.96.0.10"), parseAddress("fd00::1")]);
  assert.throws(() => allocator.hold(parseAddress("10.96.0.10")), /provided IP is already allocated/);
  assert.deepEqual(allocator.shared(), []);
});

test("createPortAllocator keeps to its range", () => {
  const allocator = createPortAllocator(NODE_PORTS, () => 0);
  assert.equal(allocator.holdNext(), 30_086);
  assert.throws(
    () => allocator.hold(80),
    /provided port is not in the valid range. The range of valid ports is 30000-32767/,
  );
  allocator.hold(30_000);
  assert.throws(() => allocator.hold(30_000), /provided port is already allocated/);
});
