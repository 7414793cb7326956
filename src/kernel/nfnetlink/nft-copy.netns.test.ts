/** A ruleset that `nft` made, read by us and written to another namespace, is the same to `nft`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Netns } from "../netns/netns.ts";
import { execIn, outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, testNetns } from "../testing/with-netns.ts";
import { listChains, listElements, listRules, listSets, listTables } from "./nft-query.ts";
import type { NftOperation } from "./operation.ts";
import { createNftSocket } from "./transaction.ts";

/** Every kind of object, set and expression that has a codec, apart from named objects; and `quota`, which has none. */
const RULESET = `
table inet podwire {
  comment "owned by podwire"
  map masq4 { type ipv4_addr : verdict; elements = { 10.1.0.5 comment "pod a" : goto subnet, 10.1.0.6 : drop } }
  map masq6 { type ipv6_addr : verdict; comment "six"; elements = { fd00::5 : jump subnet } }
  map hostports4 { type inet_proto . inet_service : ipv4_addr . inet_service;
    elements = { tcp . 8080 comment "pod a" : 10.1.0.5 . 80, udp . 53 : 10.1.0.6 . 53 } }
  map hostip4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;
    elements = { 192.0.2.1 . tcp . 8081 : 10.1.0.5 . 80 } }
  map hostports6 { type inet_proto . inet_service : ipv6_addr . inet_service; elements = { tcp . 80 : fd00::5 . 80 } }
  map hostip6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map marks { type ipv4_addr : mark; elements = { 10.1.0.5 : 0x2000 } }
  set cidrs { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.1, 224.0.0.0/3 } }
  set ranges { type ipv4_addr . inet_proto . inet_service; flags interval; elements = { 10.0.0.0/8 . tcp . 80-90 } }
  set clients { type ipv4_addr . inet_service; size 65535; flags dynamic,timeout; timeout 1h; }
  set names { type ifname; elements = { "eth0" } }
  set macs { type ether_addr; size 16; elements = { 00:11:22:33:44:55 } }
  set counted { type ipv4_addr; counter; elements = { 10.0.0.1 counter packets 3 bytes 4 } }
  chain subnet { comment "of a subnet"; ip daddr 10.1.0.0/16 return; meta mark set meta mark or 0x2000; }
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr vmap @masq4
    ip6 saddr vmap @masq6
    meta mark & 0x2000 == 0x2000 masquerade
    masquerade fully-random
    meta l4proto tcp masquerade to :1024-2000 random
    snat ip to 192.0.2.1-192.0.2.9 persistent
    snat ip6 to fd00::1
  }
  chain hostports {
    dnat ip to ip daddr . meta l4proto . th dport map @hostip4
    dnat ip to meta l4proto . th dport map @hostports4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @hostip6
    dnat ip6 to meta l4proto . th dport map @hostports6
    ip daddr 1.2.3.4 tcp dport 80 dnat ip to 1.2.3.4:8080
    tcp dport 7 redirect to :80
  }
  chain pre { type nat hook prerouting priority dstnat; fib daddr type local jump hostports; }
  chain raw { type filter hook prerouting priority raw; policy drop; notrack; }
  chain mangle { type route hook output priority mangle; meta mark set ip saddr map @marks; }
  chain misc {
    ip saddr 10.0.0.0/8 counter packets 1 bytes 2 accept comment "hello"
    ip daddr != 10.2.3.4 drop
    tcp dport 80-90 goto subnet
    tcp dport != 80-90 log prefix "x" group 5
    log prefix "y" level info flags all
    limit rate 10/second burst 5 packets accept
    limit rate over 10 mbytes/minute drop
    iifname "eth0" reject with icmp port-unreachable
    meta l4proto tcp reject with tcp reset
    oifname "ve*" reject with icmpx admin-prohibited
    ct state established,related accept
    ct status dnat accept
    ct mark set meta mark
    ct original ip daddr 10.0.0.1 accept
    meta l4proto tcp ct original proto-dst 80 accept
    ct direction reply accept
    update @clients { ip saddr . tcp dport counter }
    add @clients { ip saddr . tcp dport timeout 5s }
    meta mark set numgen random mod 10 offset 3
    meta mark set jhash ip saddr mod 2 seed 0xdeadbeef
    fib saddr . iif oif 0 drop
    ip saddr @cidrs return
    ip saddr != @cidrs return
    ip saddr . meta l4proto . th dport @ranges accept
    meta mark 1-5 accept
    ether saddr @macs accept
    iifname @names accept
    ip dscp set cs1
    quota over 10 mbytes drop
  }
}
table ip old { flags dormant; chain c { type nat hook output priority -100; }; }
table bridge l2 { chain c { type filter hook forward priority -200; ether type ip accept; }; }
table netdev dev { chain c { type filter hook ingress device "lo" priority 0; ip saddr 10.0.0.1 drop; }; }
`;

/** The operations that make the same ruleset again: chains before the rules and elements that jump to them. */
function copyOf(netns: Netns): readonly NftOperation[] {
  using socket = createNftSocket(netns);
  const tables = listTables(socket);
  const sets = tables.flatMap((table) => listSets(socket, table));
  return [
    ...tables.map((table): NftOperation => ({ do: "create table", table })),
    ...tables.flatMap((table) =>
      listChains(socket, table).map((chain): NftOperation => ({ do: "create chain", chain })),
    ),
    ...sets.map((set): NftOperation => ({ do: "create set", set })),
    ...sets.map((set): NftOperation => ({ do: "create elements", set, elements: listElements(socket, set) })),
    ...tables.flatMap((table) => listRules(socket, table).map((rule): NftOperation => ({ do: "add rule", rule }))),
  ];
}

test("a ruleset read and written again is listed by nft as before", requireRoot, async () => {
  using from = testNetns();
  using to = testNetns();
  const loaded = await execIn(from, ["nft", "-f", "-"], { input: RULESET });
  assert.equal(loaded.stderr, "");
  const operations = copyOf(from);
  {
    using socket = createNftSocket(to);
    socket.commit(operations, "copy the ruleset");
  }
  const expected = await outputIn(from, ["nft", "list", "ruleset"]);
  assert.ok(expected.includes("10.1.0.5 . 80"));
  assert.equal(await outputIn(to, ["nft", "list", "ruleset"]), expected);
  const json: unknown = JSON.parse(await outputIn(to, ["nft", "-j", "list", "ruleset"]));
  assert.equal(typeof json, "object");
});
