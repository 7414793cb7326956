import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { parseConntrackText } from "./conntrack-text.ts";

/** Lines of `cat /proc/net/nf_conntrack`, Linux 6.18. */
const TCP =
  "ipv4     2 tcp      6 431999 ESTABLISHED src=10.244.1.10 dst=10.96.0.1 sport=40000 dport=443 src=10.244.2.3 dst=10.244.1.10 sport=6443 dport=40000 [ASSURED] mark=0 zone=0 use=2";
const UDP =
  "ipv6     10 udp      17 29 src=fd00:0010:0244:0001:0000:0000:0000:000a dst=fd00:0010:0244:0002:0000:0000:0000:000b sport=1000 dport=53 [UNREPLIED] src=fd00:0010:0244:0002:0000:0000:0000:000b dst=fd00:0010:0244:0001:0000:0000:0000:000a sport=53 dport=1000 mark=0 zone=7 use=2";
const ICMP =
  "ipv4     2 icmp     1 29 src=10.244.1.10 dst=10.244.2.11 type=8 code=0 id=5 src=10.244.2.11 dst=10.244.1.10 type=0 code=0 id=5 mark=0 zone=0 use=2";
const OTHER =
  "ipv4     2 unknown  50 599 src=10.244.1.12 dst=10.244.2.12 [UNREPLIED] src=10.244.2.12 dst=10.244.1.12 mark=0 zone=0 use=2";
const TEXT = `${[TCP, UDP, ICMP, OTHER].join("\n")}\n`;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("parseConntrackText reads both directions, ports, types, unknown protocols and zones", () => {
  const [tcp, udp, icmp, other, ...more] = parseConntrackText(TEXT);
  assert.deepEqual(more, []);
  assert.deepEqual(plain(tcp), {
    original: {
      source: "10.244.1.10",
      destination: "10.96.0.1",
      protocol: "tcp",
      sourcePort: 40000,
      destinationPort: 443,
    },
    reply: {
      source: "10.244.2.3",
      destination: "10.244.1.10",
      protocol: "tcp",
      sourcePort: 6443,
      destinationPort: 40000,
    },
  });
  assert.deepEqual([udp?.zone, udp?.original.source, udp?.reply.sourcePort], [7, "fd00:10:244:1::a", 53]);
  assert.deepEqual([icmp?.original.icmpType, icmp?.reply.icmpType, icmp?.original.icmpId], [8, 0, 5]);
  assert.deepEqual([other?.original.protocol, other?.original.sourcePort], [50, undefined]);
});

test("parseConntrackText gives those that begin at or go to the addresses, behind translation", () => {
  const found = (...addresses: readonly string[]): readonly (string | number)[] =>
    parseConntrackText(TEXT, new Set(addresses.map(parseAddress))).map(({ original }) => original.protocol);
  assert.deepEqual(found("10.244.1.10"), ["tcp", "icmp"]);
  assert.deepEqual(found("10.244.2.3"), ["tcp"]);
  assert.deepEqual(found("10.96.0.1"), []);
  assert.deepEqual(found("fd00:10:244:2::b", "10.244.2.12"), ["udp", 50]);
});
