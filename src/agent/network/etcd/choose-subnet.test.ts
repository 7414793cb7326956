import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { overlaps, parsePrefix } from "#base/ip-address.ts";
import { parseNetConf } from "#dataplane/flannel-net-conf.ts";
import { chooseSubnets, isPart } from "./choose-subnet.ts";

const { networks } = parseNetConf('{"Network":"10.5.0.0/16","SubnetLen":20,"Backend":{"Type":"vxlan"}}');
const network = networks[4] ?? assert.fail();
const choose = (taken: readonly string[], previous?: string, random = 0) =>
  chooseSubnets({
    networks,
    taken: taken.map((text) => ({ 4: parsePrefix(text) })),
    previous: { 4: previous === undefined ? undefined : parsePrefix(previous) },
    random: () => random,
  });

test("chooseSubnets keeps the subnet that the node had before, if nobody has it", () => {
  assert.deepEqual(choose([], "10.5.64.0/20"), { 4: parsePrefix("10.5.64.0/20") });
  assert.deepEqual(choose(["10.5.64.0/20"], "10.5.64.0/20"), { 4: parsePrefix("10.5.16.0/20") });
  for (const other of ["10.6.0.0/20", "10.5.64.0/24"]) {
    assert.deepEqual(choose([], other), { 4: parsePrefix("10.5.16.0/20") }, other);
  }
});

test("chooseSubnets says when there is none left", () => {
  const all = Array.from({ length: 15 }, (_, index) => `10.5.${(index + 1) * 16}.0/20`);
  assert.deepEqual(choose(all.slice(1)), { 4: parsePrefix("10.5.16.0/20") });
  assert.equal(choose(all), "all subnets of 10.5.0.0/16 are taken");
});

test("chooseSubnets never gives what another node has, and always a part of the network", () => {
  const number = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(fc.array(number), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (numbers, random) => {
      const taken = numbers.map((one) => `10.5.${one * 16}.0/20`);
      const chosen = choose(taken, undefined, random);
      if (typeof chosen === "string") {
        assert.ok(new Set(numbers.filter((one) => one > 0)).size === 15);
        return;
      }
      const subnet = chosen[4] ?? assert.fail();
      assert.ok(isPart(subnet, network));
      assert.ok(taken.every((text) => !overlaps(parsePrefix(text), subnet)));
    }),
  );
});
