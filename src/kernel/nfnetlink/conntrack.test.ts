import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec/codec.ts";
import { parseAddress } from "#base/ip-address.ts";
import { type ConntrackFilter, encodeFilter, flushConntrack, isExactInKernel, matchesFilter } from "./conntrack.ts";
import { type ConntrackEntry, conntrackEntry, conntrackWire } from "./conntrack-message.ts";

const source = parseAddress("10.0.0.1");
const source6 = parseAddress("fd00::1");
const destination = parseAddress("10.0.0.2");
const original = { source, destination, protocol: "udp", sourcePort: 1000, destinationPort: 53 } as const;
const entry: ConntrackEntry = {
  original,
  reply: { source: destination, destination: source, protocol: "udp", sourcePort: 53, destinationPort: 1000 },
  status: ["seen-reply", "confirmed", "dst-nat-done"],
  timeoutSeconds: 30,
  mark: 0x2001,
  zone: 7,
  originalCounters: { packets: 1, bytes: 2 ** 40 },
  id: 5,
};

/**
 * NEW event (group NFNLGRP_CONNTRACK_NEW) of `echo x > /dev/udp/127.0.0.1/5000` in a namespace with the rule
 * `ct state new accept` in hook input; Linux 6.18, x86_64.
 */
const CAPTURED =
  "020000003400018014000180080001007f000001080002007f0000011c000280050001001100000006000200c111000006000300138800003400028014000180080001007f000001080002007f0000011c0002800500010011000000060002001388000006000300c111000008000c00d5ff90180800030000000008080007000000001e";

test("conntrackEntry reads a message of the kernel", () => {
  const tuple = (sourcePort: number, destinationPort: number) => {
    const loopback = parseAddress("127.0.0.1");
    return { source: loopback, destination: loopback, protocol: "udp", sourcePort, destinationPort };
  };
  assert.deepEqual(decode(conntrackEntry, Buffer.from(CAPTURED, "hex")), {
    original: tuple(49425, 5000),
    reply: tuple(5000, 49425),
    status: ["confirmed"],
    timeoutSeconds: 30,
    id: 0xd5ff9018,
  });
});

for (const value of [
  entry,
  { ...entry, original: { ...original, source: source6, destination: source6 }, tcpState: "established" },
  { ...entry, original: { source, destination, protocol: "icmp", icmpId: 3, icmpType: 8, icmpCode: 0 } },
  {
    ...entry,
    original: { source: source6, destination: source6, protocol: "icmpv6", icmpId: 3, icmpType: 128, icmpCode: 0 },
  },
  { ...entry, original: { source, destination, protocol: 89 } },
] as const satisfies readonly ConntrackEntry[]) {
  test(`conntrackEntry reads what it wrote: ${JSON.stringify(value.original)}`, () => {
    assert.deepEqual(decode(conntrackEntry, encode(conntrackEntry, value)), value);
  });
}

const FILTERS: readonly (readonly [ConntrackFilter, boolean])[] = [
  [{ original: { source } }, true],
  [{ reply: { destination: source } }, true],
  [{ family: 4, original: { protocol: "udp", destinationPort: 53 } }, true],
  [{ original: { source, protocol: "tcp", sourcePort: 1 }, reply: { source: destination } }, true],
  [{ mark: { value: 1, mask: 1 } }, true],
  // IPv6 addresses, ports of other protocols, ports without a protocol, and ICMP are compared here.
  [{ original: { source: source6 } }, false],
  [{ family: 4, original: { protocol: "sctp", destinationPort: 80 } }, false],
  [{ family: 4, original: { destinationPort: 53 } }, false],
  [{ family: 4, original: { protocol: "icmp", icmpType: 8 } }, false],
  // Without a family the kernel takes no tuple at all.
  [{ original: { protocol: "udp" } }, false],
  [{ family: 6, mark: { value: 1, mask: 1 } }, false],
];

for (const [filter, exact] of FILTERS) {
  test(`isExactInKernel: ${JSON.stringify(filter)} is ${exact}`, () => assert.equal(isExactInKernel(filter), exact));
}

test("encodeFilter never gives the kernel an IPv6 address, which it compares the wrong way round", () => {
  const message = decode(
    conntrackWire,
    encodeFilter({ original: { source: source6, protocol: "udp", destinationPort: 53 } }),
  );
  assert.equal(message.original?.ip, undefined);
  assert.equal(message.original?.protocol?.destinationPort, 53);
  assert.deepEqual(message.filter, { originalFlags: 0b101000, replyFlags: 0 });
});

for (const [filter, matches] of [
  [{}, true],
  [{ family: 6 }, false],
  [{ original: { source } }, true],
  [{ original: { source: destination } }, false],
  [{ original: { source: undefined, destinationPort: 53 } }, true],
  [{ reply: { sourcePort: 53 }, original: { protocol: "udp" } }, true],
  [{ original: { protocol: "tcp" } }, false],
  [{ mark: { value: 0x2000, mask: 0x2000 } }, true],
  [{ mark: { value: 0, mask: 1 } }, false],
] as const) {
  test(`matchesFilter: ${JSON.stringify(filter)} is ${matches}`, () => {
    assert.equal(matchesFilter(filter as ConntrackFilter, entry), matches);
  });
}

test("flushConntrack refuses a filter that names nothing, which would delete everything", () => {
  const noSocket = { request: () => assert.fail("it asked the kernel") };
  assert.throws(() => flushConntrack(noSocket as never, { original: { source: undefined } as never }), RangeError);
});
