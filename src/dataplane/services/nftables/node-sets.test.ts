import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bigIntToAddress, contains, parsePrefix } from "#base/ip-address.ts";
import { createPrefixTest } from "./node-pods.ts";
import { nodeElements } from "./node-sets.ts";

const NOTHING = { podNetworks: [], nodePods: [], nodePortAddresses: [], serviceNetworks: [] };

function ranges(set: string, node: Parameters<typeof nodeElements>[0]): readonly string[] {
  return (nodeElements(node).get(set) ?? []).map(
    ({ key = [], flags }) => `${[...key].join(".")}${flags?.includes("interval-end") ? " end" : ""}`,
  );
}

test("nodeElements leaves out prefixes that lie in others, and host bits", () => {
  const podNetworks = ["10.244.1.5/24", "10.244.0.0/16", "10.244.0.0/16"].map(parsePrefix);
  assert.deepEqual(ranges("pod_networks4", { ...NOTHING, podNetworks }), ["10.244.0.0", "10.245.0.0 end"]);
});

test("nodeElements lets node ports listen on everything but loopback, unless told where", () => {
  assert.deepEqual(ranges("node_port_addresses4", NOTHING), ["0.0.0.0", "127.0.0.0 end", "128.0.0.0"]);
  assert.equal(ranges("node_port_addresses6", NOTHING).length, 1);
  const given = ["192.168.50.0/24", "127.0.0.0/8"].map(parsePrefix);
  assert.deepEqual(ranges("node_port_addresses4", { ...NOTHING, nodePortAddresses: given }), [
    "192.168.50.0",
    "192.168.51.0 end",
  ]);
});

test("createPrefixTest agrees with contains", () => {
  const prefixes = ["10.244.1.7/24", "10.0.0.0/9", "255.255.255.255/32", "fd00:10::/48"].map(parsePrefix);
  const isInside = createPrefixTest(prefixes);
  const v4 = fc
    .oneof(fc.bigInt(0n, 0xffffffffn), fc.bigInt(0x0af40000n, 0x0af402ffn))
    .map((n) => bigIntToAddress(4, n));
  const v6 = fc.bigInt(0xfd00000fn << 96n, 0xfd000011n << 96n).map((n) => bigIntToAddress(6, n));
  fc.assert(
    fc.property(fc.oneof(v4, v6), (address) => {
      assert.equal(
        isInside(address),
        prefixes.some((prefix) => contains(prefix, address)),
      );
    }),
  );
});
