import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { createNetlinkSocket, NETLINK_ROUTE } from "../netlink/socket.ts";
import { findLink } from "../rtnetlink/link.ts";
import { outputIn } from "../testing/run-in-netns.ts";
import { requireRoot, withNetns } from "../testing/with-netns.ts";
import { type CapturedPacket, openCapture, sendFrame } from "./capture.ts";
import { markerFilter } from "./marker-filter.ts";
import { sendSegment } from "./raw-socket.ts";

const MARKER = 0xfeedf00d;
const UDP = 17;

function datagram(marker: number): Buffer {
  const bytes = Buffer.alloc(8 + 16);
  bytes.writeUInt16BE(4711, 0);
  bytes.writeUInt16BE(9, 2);
  bytes.writeUInt16BE(bytes.length, 4);
  bytes.writeUInt32BE(marker, 8);
  return bytes;
}

for (const text of ["127.0.0.1", "::1"]) {
  test(`openCapture sees a marked packet from ${text} out and in, with its time, and no other`, requireRoot, () =>
    withNetns(
      (netns) => {
        const seen: CapturedPacket[] = [];
        using capture = openCapture(netns, markerFilter(MARKER), (packet) => seen.push(packet));
        const address = parseAddress(text);
        const beforeNs = BigInt(Date.now() - 1) * 1_000_000n;
        for (const marker of [MARKER + 1, MARKER]) {
          sendSegment(netns, { source: address, destination: address, protocol: UDP, bytes: datagram(marker) });
        }
        capture.drain();
        const questions = seen.filter(({ data }) => data.length < 100 && data.includes(datagram(MARKER).subarray(8)));
        assert.deepEqual(
          questions.slice(0, 2).map(({ direction, ifindex }) => [direction, ifindex]),
          [
            ["out", 1],
            ["in", 1],
          ],
        );
        for (const { timeNs, hasEthernet } of questions) {
          assert.ok(timeNs > beforeNs && hasEthernet);
        }
        assert.ok(!seen.some(({ data }) => data.includes(datagram(MARKER + 1).subarray(8))));
      },
      { loopbackUp: true },
    ),
  );
}

test("openCapture tells of packets without being asked, on any link of the namespace", requireRoot, () =>
  withNetns(
    async (netns) => {
      await outputIn(netns, [
        "sh",
        "-ec",
        "ip link add one type veth peer name two\nip link set one up\nip link set two up",
      ]);
      using socket = createNetlinkSocket({ protocol: NETLINK_ROUTE, netns });
      const [one, two] = ["one", "two"].map((name) => findLink(socket, { name })?.ifindex ?? 0);
      const seen: CapturedPacket[] = [];
      const events = new EventTarget();
      using _capture = openCapture(netns, markerFilter(MARKER), (packet) => {
        seen.push(packet);
        if (seen.length === 2) events.dispatchEvent(new Event("both"));
      });
      const both = once(events, "both");
      const frame = Buffer.alloc(60);
      frame.writeUInt16BE(0x88b5, 12);
      frame.writeUInt32BE(MARKER, 14);
      sendFrame(netns, one ?? 0, frame);
      await both;
      assert.deepEqual(new Set(seen.map(({ ifindex }) => ifindex)), new Set([one, two]));
    },
    { loopbackUp: true },
  ),
);
