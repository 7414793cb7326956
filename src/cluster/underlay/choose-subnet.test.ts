import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatPrefix, overlaps, parsePrefix } from "#base/ip-address.ts";
import { chooseSubnet } from "./choose-subnet.ts";

const cases: readonly { readonly name: string; readonly taken: readonly string[]; readonly subnet: string }[] = [
  { name: "nothing is taken", taken: [], subnet: "10.213.0.0/24" },
  { name: "a default route overlaps nothing", taken: ["0.0.0.0/0", "::/0"], subnet: "10.213.0.0/24" },
  { name: "other clusters", taken: ["10.213.0.0/24", "10.213.1.0/24"], subnet: "10.213.2.0/24" },
  { name: "a single address", taken: ["10.213.0.7/32"], subnet: "10.213.1.0/24" },
  { name: "a wide route", taken: ["10.213.0.0/17"], subnet: "10.213.128.0/24" },
  { name: "a gap", taken: ["10.213.0.0/24", "10.213.2.0/24"], subnet: "10.213.1.0/24" },
  { name: "host bits", taken: ["10.213.0.1/24"], subnet: "10.213.1.0/24" },
  { name: "elsewhere", taken: ["10.244.0.0/16", "192.168.0.0/16", "fd00::/8"], subnet: "10.213.0.0/24" },
];

for (const { name, taken, subnet } of cases) {
  test(`chooseSubnet: ${name}`, () => {
    assert.equal(formatPrefix(chooseSubnet(taken.map(parsePrefix), false)[4]), subnet);
  });
}

test("chooseSubnet takes IPv6 of the same number, and neither family may be in use", () => {
  const taken = ["10.213.0.0/24", "fd00:213:1::/64"].map(parsePrefix);
  const subnets = chooseSubnet(taken, true);
  assert.equal(formatPrefix(subnets[4]), "10.213.2.0/24");
  assert.equal(subnets[6] && formatPrefix(subnets[6]), "fd00:213:2::/64");
  assert.equal(chooseSubnet(taken, false)[6], undefined);
});

test("chooseSubnet names the routes when none is left", () => {
  assert.throws(() => chooseSubnet([parsePrefix("10.0.0.0/8")], false), {
    message: /overlap all of 10\.213\.0\.0\/16 \(10\.0\.0\.0\/8, …\)/,
  });
});

test("chooseSubnet never gives what overlaps", () => {
  const route = fc
    .tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 22, max: 32 }))
    .map(([third, fourth, length]) => parsePrefix(`10.213.${third}.${fourth}/${length}`));
  fc.assert(
    fc.property(fc.array(route, { maxLength: 40 }), (taken) => {
      const { 4: subnet } = chooseSubnet(taken, false);
      assert.equal(
        taken.some((other) => overlaps(subnet, other)),
        false,
      );
    }),
  );
});
