import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import type { NftHook } from "#kernel/nfnetlink/chain.ts";
import { outputIn } from "#kernel/testing/run-in-netns.ts";
import { requireRoot, withNetns } from "#kernel/testing/with-netns.ts";
import { observeWorld } from "../facts/observe-world.ts";
import { nftVerdict } from "./nft-verdict.ts";
import type { Packet } from "./packet.ts";

const PACKET: Packet = {
  source: parseAddress("10.244.1.10"),
  destination: parseAddress("10.244.2.10"),
  protocol: "tcp",
  sourcePort: 40_000,
  destinationPort: 80,
  bytes: 60,
};
const PACKET6: Packet = {
  ...PACKET,
  source: parseAddress("fd00:1::10"),
  destination: parseAddress("fd00:2::10"),
  protocol: "udp",
};

/** Rules in the words of nft, and what they do to PACKET in the forward hook from cni0 to flannel.1. */
const RULES: readonly (readonly [string, "accept" | "drop"])[] = [
  ["drop", "drop"],
  ["accept", "accept"],
  ["ip saddr 10.244.1.10 drop", "drop"],
  ["ip saddr 10.244.1.11 drop", "accept"],
  ["ip saddr 10.244.1.0/24 drop", "drop"],
  ["ip saddr 10.244.0.0/23 drop", "drop"],
  ["ip saddr 10.244.2.0/23 drop", "accept"],
  ["ip daddr != 10.244.2.0/24 drop", "accept"],
  ["ip daddr { 10.244.2.9, 10.244.2.10 } drop", "drop"],
  ["ip daddr { 10.244.2.0/25, 10.9.0.0/16 } drop", "drop"],
  ["ip daddr { 10.244.2.128/25, 10.9.0.0/16 } drop", "accept"],
  ["tcp dport 80 drop", "drop"],
  ["tcp dport 81 drop", "accept"],
  ["tcp dport 79-81 drop", "drop"],
  ["tcp dport { 22, 80 } drop", "drop"],
  ["tcp dport { 1-79, 81-90 } drop", "accept"],
  ["udp dport 80 drop", "accept"],
  ["meta l4proto tcp counter drop", "drop"],
  ["ip protocol tcp reject", "drop"],
  ['iifname "cni0" drop', "drop"],
  ['iifname "cni*" drop', "drop"],
  ['iifname "eth0" drop', "accept"],
  ['oifname "flannel.1" drop', "drop"],
  ["ct state new drop", "drop"],
  ["ct state established,related accept", "accept"],
  ["ct state established,related drop", "accept"],
  ["ip saddr . tcp dport { 10.244.1.10 . 80 } drop", "drop"],
  ["ip saddr . tcp dport { 10.244.1.10 . 81 } drop", "accept"],
  ["ip saddr . ip daddr { 10.244.1.0/24 . 10.244.2.0/24 } drop", "drop"],
  ["tcp dport vmap { 80 : drop, 443 : accept }", "drop"],
  ["tcp dport vmap { 80 : accept, 443 : drop }", "accept"],
  ["ip saddr vmap { 10.244.1.0/24 : jump dropping }", "drop"],
  ["jump dropping", "drop"],
  ["goto returning", "accept"],
  ["meta mark 0x1 drop", "accept"],
  ["meta nfproto ipv6 drop", "accept"],
  ["ip length > 59 drop", "drop"],
  ["ip length > 60 drop", "accept"],
];

async function verdict(rules: string, packet: Packet, hook: NftHook = "forward") {
  return await withNetns(async (netns) => {
    await outputIn(netns, ["nft", "-f", "-"], { input: rules });
    const world = observeWorld([{ name: "node", role: "node", netnsPath: netns.path }], []);
    const namespace = world.namespaces.get("node");
    assert.ok(namespace);
    return nftVerdict({ namespace, packet, iif: "cni0", oif: "flannel.1" }, hook);
  });
}

const chains = (rule: string, policy = "accept") => `table inet t {
  chain dropping { drop; }
  chain returning { return; }
  chain forward { type filter hook forward priority 0; policy ${policy}; ${rule}; }
}`;

test("nftVerdict runs rules as nft writes them", requireRoot, async () => {
  for (const [rule, expected] of RULES) {
    const outcome = await verdict(chains(rule), PACKET);
    assert.deepEqual([outcome.kind, outcome.uncertain], [expected, []], rule);
    if (expected === "drop")
      assert.match(outcome.rule ?? "", /^table inet t chain (forward|dropping) handle \d+: /, rule);
  }
});

test(
  "nftVerdict: a policy drops what no rule accepts, and an accept in one chain does not save from another",
  requireRoot,
  async () => {
    assert.equal(
      (await verdict(chains("ct state established accept", "drop"), PACKET)).rule,
      "table inet t chain forward: policy drop",
    );
    assert.equal(
      (await verdict(chains("ct state established accept", "drop"), { ...PACKET, isAnswer: true })).kind,
      "accept",
    );
    const second = "table ip late { chain forward { type filter hook forward priority 10; drop; }; }";
    assert.match(
      (await verdict(`${chains("accept")}\n${second}`, PACKET)).rule ?? "",
      /^table ip late chain forward handle \d+: drop/,
    );
  },
);

test("nftVerdict reads IPv6 headers", requireRoot, async () => {
  for (const [rule, expected] of [
    ["ip6 saddr fd00:1::/64 drop", "drop"],
    ["ip6 daddr fd00:3::/64 drop", "accept"],
    ["ip saddr 10.244.1.10 drop", "accept"],
    ["udp dport 80 drop", "drop"],
  ] as const) {
    assert.equal((await verdict(chains(rule), PACKET6)).kind, expected, rule);
  }
});

test("nftVerdict tells who translates the source, for the first packet alone", requireRoot, async () => {
  const rules =
    "table ip n { chain p { type nat hook postrouting priority 100; ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 masquerade; }; }";
  const outcome = await verdict(rules, PACKET, "postrouting");
  assert.equal(outcome.kind, "masquerade");
  assert.match(
    outcome.rule ?? "",
    /^table ip n chain p handle \d+: ip saddr 10\.244\.1\.0\/24 ip daddr 10\.244\.0\.0\/16 masquerade$/,
  );
  assert.equal((await verdict(rules, { ...PACKET, isAnswer: true }, "postrouting")).kind, "accept");
});

test("nftVerdict names the rules that it cannot evaluate, and goes on", requireRoot, async () => {
  const outcome = await verdict(chains("meta cgroup 5 drop; numgen random mod 2 0 drop"), PACKET);
  assert.equal(outcome.kind, "accept");
  assert.equal(outcome.uncertain.length, 2);
});
