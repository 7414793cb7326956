import assert from "node:assert/strict";
import { test } from "node:test";
import { MARKER_OFFSETS, markerFilter } from "./marker-filter.ts";

const MARKER = 0xdeadbeef;

/** Classic BPF of loads, comparisons and returns, as the kernel runs it: a load behind the end answers 0. */
function accepts(packet: Buffer): boolean {
  const program = markerFilter(MARKER);
  let loaded = 0;
  for (let at = 0; at < program.length; at++) {
    const step = program[at];
    assert.ok(step);
    if (step.code === 0x06) return step.k !== 0;
    if (step.code === 0x20) {
      if (step.k + 4 > packet.length) return false;
      loaded = packet.readUInt32BE(step.k);
    } else at += (loaded === step.k ? step.jumpTrue : step.jumpFalse) ?? 0;
  }
  return assert.fail("the program has no end");
}

test("markerFilter finds the marker at each of its places, in the shortest packet too, and nowhere else", () => {
  for (let offset = 0; offset < 200; offset++) {
    const packet = Buffer.alloc(offset + 4);
    packet.writeUInt32BE(MARKER, offset);
    assert.equal(accepts(packet), MARKER_OFFSETS.includes(offset), `offset ${offset}`);
  }
});

test("markerFilter: the places are those of payloads, by headers", () => {
  const places = {
    "ethernet, ip, udp": 14 + 20 + 8,
    "ethernet, ip6, tcp": 14 + 40 + 20,
    "tun: ip, icmp": 20 + 8,
    "ethernet, ip, udp, vxlan, ethernet, ip, udp": 14 + 20 + 8 + 8 + 14 + 20 + 8,
    "ethernet, ip6, udp, vxlan, ethernet, ip6, tcp": 14 + 40 + 8 + 8 + 14 + 40 + 20,
    "ethernet, ip, udp, ip, icmp": 14 + 20 + 8 + 20 + 8,
    "ethernet, ip, icmp error, ip, udp": 14 + 20 + 8 + 20 + 8,
  };
  for (const [headers, offset] of Object.entries(places)) assert.ok(MARKER_OFFSETS.includes(offset), headers);
});

test("markerFilter fits a jump's 8 bits", () => {
  for (const { jumpTrue = 0, jumpFalse = 0 } of markerFilter(MARKER)) assert.ok(jumpTrue < 256 && jumpFalse < 256);
});
