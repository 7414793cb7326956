/** Rules made of selectors and statements are, to `nft`, the sentences that their comments say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import type { Expression } from "./expression.ts";
import type { NftOperation } from "./operation.ts";
import * as select from "./selectors.ts";
import * as say from "./statements.ts";
import { createNftSocket } from "./transaction.ts";

const table = { family: "inet", table: "podwire" } as const;
const pod = Uint8Array.of(10, 1, 0, 5);
const pod6 = Uint8Array.of(0xfd, ...new Uint8Array(14), 5);
const port = Uint8Array.of(0x1f, 0x90);
const ip = say.matchFamily("ip");
const ip6 = say.matchFamily("ip6");
const tcp = say.matchL4proto("tcp");
const icmpv6 = say.matchL4proto("icmpv6");
const drop = say.verdict("drop");

/** As `nft list` prints it, and how it is said here. */
const RULES: readonly (readonly [string, readonly Expression[]])[] = [
  ["ip saddr 10.1.0.5 accept", say.rule(ip, say.match(select.ipSaddr, "==", pod), say.verdict("accept"))],
  ["ip daddr != 10.1.0.5 drop", say.rule(ip, say.match(select.ipDaddr, "!=", pod), drop)],
  ["ip6 saddr fd00::5 drop", say.rule(ip6, say.match(select.ip6Saddr, "==", pod6), drop)],
  ["ip daddr 10.1.0.0/20 return", say.rule(ip, say.matchPrefix(select.ipDaddr, "==", pod, 20), say.verdict("return"))],
  ["ip6 daddr != fd00::/64 drop", say.rule(ip6, say.matchPrefix(select.ip6Daddr, "!=", pod6, 64), drop)],
  ["tcp dport 8080 drop", say.rule(tcp, say.match(select.thDport, "==", port), drop)],
  ["tcp sport >= 8080 drop", say.rule(tcp, say.match(select.thSport, ">=", port), drop)],
  ["ip6 hoplimit 255 drop", say.rule(ip6, say.match(select.ip6Hoplimit, "==", Uint8Array.of(255)), drop)],
  [
    "icmpv6 type 135-136 drop",
    say.rule(ip6, icmpv6, say.matchRange(select.icmpv6Type, Uint8Array.of(135), Uint8Array.of(136)), drop),
  ],
  [
    "meta l4proto ipv6-icmp @th,64,128 0xfd000000000000000000000000000005 drop",
    say.rule(ip6, icmpv6, say.match(select.icmpv6Taddr, "==", pod6), drop),
  ],
  ["tcp flags != syn / fin,syn,rst,ack drop", say.rule(tcp, say.matchByte(select.tcpFlags, "!=", 0x17, 2), drop)],
  [
    "meta l4proto sctp @th,96,8 0x1 drop",
    say.rule(say.matchL4proto("sctp"), say.match(select.sctpFirstChunk, "==", Uint8Array.of(1)), drop),
  ],
  ["limit rate 5/second burst 9 packets drop", say.rule(say.limitRate(5, 9), drop)],
  ["meta mark set meta mark & 0xffffdfff", say.rule(say.clearMarkBits(0x2000))],
  ['iifname "eth0" drop', say.rule(say.matchName(select.iifname, "==", "eth0"), drop)],
  ['oifname != "veth*" drop', say.rule(say.matchName(select.oifname, "!=", "veth*"), drop)],
  [
    "fib daddr type local jump subnet",
    say.rule(say.matchAddressType(select.fibDaddrType, "local"), say.jump("subnet")),
  ],
  ["fib saddr type multicast drop", say.rule(say.matchAddressType(select.fibSaddrType, "multicast"), drop)],
  ["ct state established,related accept", say.rule(say.matchCtState("established", "related"), say.verdict("accept"))],
  ["ct status & dnat == dnat drop", say.rule(say.matchBits(select.ctStatus, "==", 0x20, 0x20), drop)],
  ["ct mark & 0x00002000 != 0x00002000 drop", say.rule(say.matchBits(select.ctMark, "!=", 0x2000, 0x2000), drop)],
  ["ct original ip daddr 10.1.0.5 drop", say.rule(say.match(select.ctOriginalIpDaddr, "==", pod), drop)],
  ["ct original ip6 daddr fd00::5 drop", say.rule(say.match(select.ctOriginalIp6Daddr, "==", pod6), drop)],
  [
    "meta l4proto tcp ct original proto-dst 8080 drop",
    say.rule(tcp, say.match(select.ctOriginalProtoDst, "==", port), drop),
  ],
  ["ip saddr @pods drop", say.rule(ip, say.inSet([select.ipSaddr], "pods"), drop)],
  ["ip saddr != @pods drop", say.rule(ip, say.inSet([select.ipSaddr], "pods", "!="), drop)],
  ["ip saddr vmap @masq4", say.rule(ip, say.vmap([select.ipSaddr], "masq4"))],
  ["ip6 saddr vmap @masq6", say.rule(ip6, say.vmap([select.ip6Saddr], "masq6"))],
  [
    "dnat ip to meta l4proto . th dport map @hostports4",
    say.rule(say.dnatMap("ip", [select.l4proto, select.thDport], "hostports4")),
  ],
  [
    "dnat ip6 to meta l4proto . th dport map @hostports6",
    say.rule(say.dnatMap("ip6", [select.l4proto, select.thDport], "hostports6")),
  ],
  [
    "dnat ip to ip daddr . meta l4proto . th dport map @hostip4",
    say.rule(ip, say.dnatMap("ip", [select.ipDaddr, select.l4proto, select.thDport], "hostip4")),
  ],
  [
    "dnat ip6 to ip6 daddr . meta l4proto . th dport map @hostip6",
    say.rule(ip6, say.dnatMap("ip6", [select.ip6Daddr, select.l4proto, select.thDport], "hostip6")),
  ],
  ["meta l4proto tcp dnat ip to 10.1.0.5:8080", say.rule(tcp, say.dnat("ip", pod, 8080))],
  ["snat ip6 to fd00::5", say.rule(say.snat("ip6", pod6))],
  [
    "meta mark & 0x00002000 == 0x00002000 masquerade",
    say.rule(say.matchBits(select.mark, "==", 0x2000, 0x2000), say.masquerade()),
  ],
  ["masquerade fully-random", say.rule(say.masquerade("fully-random"))],
  ["meta mark set meta mark | 0x00002000", say.rule(say.setMarkBits(0x2000))],
  ['counter packets 0 bytes 0 log prefix "deny: " group 5 drop', say.rule(say.counter(), say.log("deny: ", 5), drop)],
  ['log prefix "deny: "', say.rule(say.log("deny: "))],
  ["meta l4proto tcp reject with tcp reset", say.rule(tcp, say.reject("tcp reset"))],
  ["reject", say.rule(say.reject("port-unreachable"))], // icmpx port-unreachable is the default, which nft leaves out
  ["reject with icmpx admin-prohibited", say.rule(say.reject("admin-prohibited"))],
  ["goto subnet", say.rule(say.goto("subnet"))],
];

const ports = ["inet_proto", "inet_service"] as const;
const SETS: readonly NftOperation[] = [
  { do: "add set", set: { ...table, set: "pods", key: ["ipv4_addr"] } },
  { do: "add set", set: { ...table, set: "masq4", key: ["ipv4_addr"], data: ["verdict"] } },
  { do: "add set", set: { ...table, set: "masq6", key: ["ipv6_addr"], data: ["verdict"] } },
  { do: "add set", set: { ...table, set: "hostports4", key: ports, data: ["ipv4_addr", "inet_service"] } },
  { do: "add set", set: { ...table, set: "hostports6", key: ports, data: ["ipv6_addr", "inet_service"] } },
  {
    do: "add set",
    set: { ...table, set: "hostip4", key: ["ipv4_addr", ...ports], data: ["ipv4_addr", "inet_service"] },
  },
  {
    do: "add set",
    set: { ...table, set: "hostip6", key: ["ipv6_addr", ...ports], data: ["ipv6_addr", "inet_service"] },
  },
];

test("every selector is used by a rule of the table", () => {
  const used = new Set(
    RULES.flatMap(([, expressions]) => expressions.map((expression) => JSON.stringify({ ...expression, dreg: 0 }))),
  );
  const inBridgeTables: readonly string[] = ["etherSaddr", "etherType", "arpSaddrEther", "arpSaddrIp"]; // below
  for (const [name, selector] of Object.entries(select)) {
    if (inBridgeTables.includes(name)) continue;
    assert.ok(used.has(JSON.stringify({ ...selector.load(0), dreg: 0 })), `no rule uses ${name}`);
  }
});

test("rules of selectors and statements are what nft calls them", requireRoot, async () => {
  await withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const rules = RULES.map(([, expressions]): NftOperation => {
      const isNat = expressions.some(({ kind }) => kind === "nat" || kind === "masq");
      const isSnat = expressions.some(
        (expression) => expression.kind === "masq" || (expression.kind === "nat" && expression.type === "snat"),
      );
      return { do: "add rule", rule: { ...table, chain: isSnat ? "post" : isNat ? "pre" : "misc", expressions } };
    });
    socket.commit(
      [
        { do: "add table", table },
        { do: "add chain", chain: { ...table, chain: "subnet" } },
        { do: "add chain", chain: { ...table, chain: "misc", base: { type: "filter", hook: "forward", priority: 0 } } },
        {
          do: "add chain",
          chain: { ...table, chain: "pre", base: { type: "nat", hook: "prerouting", priority: -100 } },
        },
        {
          do: "add chain",
          chain: { ...table, chain: "post", base: { type: "nat", hook: "postrouting", priority: 100 } },
        },
        ...SETS,
        ...rules,
      ],
      "add all rules",
    );
    const listed = (await outputIn(netns, ["nft", "list", "table", "inet", "podwire"]))
      .split("\n")
      .map((line) => line.trim());
    for (const [sentence] of RULES)
      assert.ok(listed.includes(sentence), `nft does not list "${sentence}":\n${listed.join("\n")}`);
  });
});

test("selectors of Ethernet fields are what nft calls them in a bridge table", requireRoot, () =>
  withNetns(async (netns) => {
    using socket = createNftSocket(netns);
    const chain = { family: "bridge", table: "podwire", chain: "pre" } as const;
    const mac = Uint8Array.of(0, 0x11, 0x22, 0x33, 0x44, 0x55);
    const rules = [
      say.rule(say.matchName(select.iifname, "==", "veth1"), say.match(select.etherSaddr, "!=", mac), drop),
      say.rule(say.match(select.etherType, "==", Uint8Array.of(8, 6)), say.verdict("accept")),
      say.rule(
        say.match(select.etherType, "==", Uint8Array.of(8, 6)),
        say.match(select.arpSaddrEther, "==", mac),
        say.match(select.arpSaddrIp, "==", pod),
        drop,
      ),
    ];
    socket.commit(
      [
        { do: "add table", table: chain },
        { do: "add chain", chain: { ...chain, base: { type: "filter", hook: "prerouting", priority: -300 } } },
        ...rules.map((expressions): NftOperation => ({ do: "add rule", rule: { ...chain, expressions } })),
      ],
      "add the rules",
    );
    const listing = await outputIn(netns, ["nft", "list", "chain", "bridge", "podwire", "pre"]);
    assert.match(listing, /iifname "veth1" ether saddr != 00:11:22:33:44:55 drop/);
    assert.match(listing, /ether type arp accept/);
    assert.match(listing, /arp saddr ether 00:11:22:33:44:55 arp saddr ip 10\.1\.0\.5 drop/);
  }),
);

test("matchPrefix of length 0 matches everything, and with != nothing", () => {
  const [, bitwise, cmp] = say.matchPrefix(select.ipDaddr, "==", pod, 0);
  assert.deepEqual(bitwise?.kind === "bitwise" && [...(bitwise.mask ?? [])], [0, 0, 0, 0]);
  assert.deepEqual(cmp?.kind === "cmp" && [...cmp.data], [0, 0, 0, 0]);
});
