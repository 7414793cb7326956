/** The text of a real table, with the listing by netlink as witness. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { familyOf, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { createConntrack, createConntrackSocket, deleteConntrack, listConntrack } from "./conntrack.ts";
import type { ConntrackEntry } from "./conntrack-message.ts";
import { readConntrackText } from "./conntrack-text.ts";

const PROTOCOLS = ["tcp", "udp", "sctp", "icmp", 50] as const;
const ENDS = [
  ["10.0.0.1", "10.0.0.2"],
  ["10.0.0.3", "10.0.0.1"],
  ["fd00::1", "fd00::2"],
].map(([from = "", to = ""]) => [parseAddress(from), parseAddress(to)] as const);

function entryOf(source: IpAddress, destination: IpAddress, protocol: (typeof PROTOCOLS)[number]): ConntrackEntry {
  const isIcmp = protocol === "icmp";
  const family = familyOf(source);
  const ports = { sourcePort: 1000, destinationPort: 80 };
  const request = isIcmp ? { icmpType: family === 4 ? 8 : 128, icmpCode: 0, icmpId: 7 } : ports;
  const answer = isIcmp
    ? { icmpType: family === 4 ? 0 : 129, icmpCode: 0, icmpId: 7 }
    : { sourcePort: 80, destinationPort: 1000 };
  const name = isIcmp && family === 6 ? "icmpv6" : protocol;
  const isPlain = protocol === 50;
  return {
    original: { source, destination, protocol: name, ...(isPlain ? {} : request) },
    reply: { source: destination, destination: source, protocol: name, ...(isPlain ? {} : answer) },
    status: ["seen-reply", "assured"],
    timeoutSeconds: 600,
    ...(protocol === "tcp" && { tcpState: "established" }),
  };
}

const text = ({ original, reply }: Pick<ConntrackEntry, "original" | "reply">): string =>
  [original, reply]
    .map(({ source, destination, protocol, sourcePort, destinationPort, icmpType, icmpCode, icmpId }) =>
      [source, destination, protocol, sourcePort, destinationPort, icmpType, icmpCode, icmpId].join(" "),
    )
    .join(" | ");

test("readConntrackText reads what listConntrack lists, and deleteConntrack finds it", requireRoot, () =>
  withNetns((netns) => {
    using socket = createConntrackSocket(netns);
    for (const [from, to] of ENDS)
      for (const protocol of PROTOCOLS) createConntrack(socket, entryOf(from, to, protocol));
    const listed = listConntrack(socket).map(text).sort();
    assert.equal(listed.length, ENDS.length * PROTOCOLS.length);
    assert.deepEqual(readConntrackText(netns)?.map(text).sort(), listed);
    const some = readConntrackText(netns, new Set([parseAddress("10.0.0.2"), parseAddress("fd00::1")])) ?? [];
    assert.equal(some.length, 2 * PROTOCOLS.length);
    for (const one of some) assert.ok(deleteConntrack(socket, one), text(one));
    assert.equal(listConntrack(socket).length, PROTOCOLS.length);
  }),
);
