import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatPrefix, overlaps, parsePrefix } from "#base/ip-address.ts";
import { createSubnetAllocator } from "./subnet-allocator.ts";

function allocator(prefix: string, subnetLength: number, reserved: readonly string[] = []) {
  return createSubnetAllocator({ prefix: parsePrefix(prefix), subnetLength, reserved: reserved.map(parsePrefix) });
}

function textOf(prefix: ReturnType<ReturnType<typeof allocator>["assign"]>): string | undefined {
  return prefix && formatPrefix(prefix);
}

for (const { prefix, length, subnets } of [
  { prefix: "10.244.0.0/16", length: 24, subnets: ["10.244.0.0/24", "10.244.1.0/24"] },
  { prefix: "10.244.7.9/16", length: 24, subnets: ["10.244.0.0/24", "10.244.1.0/24"] },
  { prefix: "fd00:10:244::/56", length: 64, subnets: ["fd00:10:244::/64", "fd00:10:244:1::/64"] },
  { prefix: "10.0.0.0/25", length: 25, subnets: ["10.0.0.0/25", undefined] },
  { prefix: "10.0.0.0/30", length: 32, subnets: ["10.0.0.0/32", "10.0.0.1/32"] },
]) {
  test(`createSubnetAllocator cuts ${prefix} into subnets of /${length}`, () => {
    const subject = allocator(prefix, length);
    assert.deepEqual(
      subnets.map((_, index) => textOf(subject.assign(`node-${index}`))),
      subnets,
    );
  });
}

test("createSubnetAllocator.assign gives an owner the same subnet again", () => {
  const subject = allocator("10.0.0.0/16", 24);
  assert.equal(textOf(subject.assign("a")), "10.0.0.0/24");
  assert.equal(textOf(subject.assign("a")), "10.0.0.0/24");
});

test("createSubnetAllocator gives a released subnet last", () => {
  const subject = allocator("10.0.0.0/23", 24);
  assert.equal(textOf(subject.assign("a")), "10.0.0.0/24");
  subject.release("a");
  assert.equal(textOf(subject.assign("b")), "10.0.1.0/24");
  assert.equal(textOf(subject.assign("c")), "10.0.0.0/24");
  assert.equal(subject.assign("d"), undefined);
  subject.release("b");
  assert.equal(textOf(subject.assign("d")), "10.0.1.0/24");
});

test("createSubnetAllocator.occupy takes what is stored, and tells who shares it", () => {
  const subject = allocator("10.0.0.0/16", 24);
  assert.equal(subject.occupy("a", parsePrefix("10.0.0.0/24")), true);
  assert.deepEqual(subject.sharers("a"), []);
  assert.equal(subject.occupy("b", parsePrefix("10.0.0.0/24")), true);
  assert.deepEqual(subject.sharers("a"), ["b"]);
  subject.release("a");
  assert.deepEqual(subject.sharers("b"), []);
  assert.equal(textOf(subject.assign("c")), "10.0.1.0/24", "still taken by b");
  assert.equal(subject.occupy("d", parsePrefix("10.1.0.0/24")), false, "outside");
  assert.equal(subject.occupy("d", parsePrefix("10.0.9.0/25")), false, "of another length");
});

test("createSubnetAllocator gives nobody what is reserved", () => {
  const subject = allocator("10.0.0.0/22", 24, ["10.0.0.128/25", "10.0.2.0/23", "fd00::/8"]);
  assert.equal(textOf(subject.assign("a")), "10.0.1.0/24");
  assert.equal(subject.assign("b"), undefined);
  assert.equal(allocator("10.0.0.0/22", 24, ["10.0.0.0/8"]).assign("a"), undefined);
});

for (const [prefix, length] of [
  ["10.0.0.0/16", 15],
  ["10.0.0.0/16", 33],
  ["fd00::/48", 65],
] as const) {
  test(`createSubnetAllocator refuses to cut ${prefix} into /${length}`, () => {
    assert.throws(() => allocator(prefix, length), RangeError);
  });
}

test("createSubnetAllocator never gives two owners overlapping subnets", () => {
  const step = fc.record({ owner: fc.integer({ min: 0, max: 12 }), isRelease: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const subject = allocator("10.0.0.0/21", 24);
      const owned = new Map<number, string>();
      for (const { owner, isRelease } of steps) {
        if (isRelease) {
          subject.release(String(owner));
          owned.delete(owner);
          continue;
        }
        const subnet = textOf(subject.assign(String(owner)));
        if (subnet === undefined) assert.equal(owned.size, 8, "only when all are taken");
        else owned.set(owner, subnet);
      }
      const all = [...owned.values()].map(parsePrefix);
      assert.ok(all.every((one, index) => all.slice(index + 1).every((other) => !overlaps(one, other))));
    }),
  );
});
