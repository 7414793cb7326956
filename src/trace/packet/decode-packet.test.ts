import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/ip-address.ts";
import { FLANNEL_UDP_PORT, VXLAN_PORT } from "../path/packet.ts";
import { decodePacket } from "./decode-packet.ts";
import { describeLayers } from "./describe-layers.ts";
import { checksum, encodeSegment, ipProtocolOf } from "./encode-segment.ts";

const OPTIONS = { hasEthernet: true, vxlanPort: VXLAN_PORT, flannelUdpPort: FLANNEL_UDP_PORT };

/** One ping between pods on two nodes over flannel.1, put together by hand from the RFCs; checksums are not those of real packets. */
const VXLAN_PING = Buffer.from(
  [
    "9a1e3c5b7d02 5e2f10aa4401 0800",
    "45000086 1f5a4000 40113532 c0a83201 c0a83202",
    "c001 2118 00720000",
    "08000000 00000100",
    "0ad1f0e2c302 0ab4c5d60712 0800",
    "45000054 4d3e4000 3f01d55d 0af4010a 0af4020a",
    "0800 1c2a 0001 0001",
    "ab".repeat(56),
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);

test("decodePacket reads outer and inner headers of VXLAN", () => {
  const { layers, payload } = decodePacket(VXLAN_PING, OPTIONS);
  assert.deepEqual(
    layers.map(({ kind }) => kind),
    ["ethernet", "ip", "udp", "vxlan", "ethernet", "ip", "icmp"],
  );
  assert.equal(
    describeLayers(layers),
    "192.168.50.1 → 192.168.50.2 ttl 64 udp 8472 vni 1 [10.244.1.10 → 10.244.2.10 ttl 63 icmp echo request]",
  );
  assert.equal(payload.length, 56);
});

test("decodePacket reads a packet without an Ethernet header inside of Flannel's UDP back end", () => {
  const inner = VXLAN_PING.subarray(64);
  const outer = Buffer.from(VXLAN_PING.subarray(14, 42));
  outer.writeUInt16BE(28 + inner.length, 2);
  outer.writeUInt16BE(FLANNEL_UDP_PORT, 22);
  const { layers } = decodePacket(Buffer.concat([outer, inner]), { ...OPTIONS, hasEthernet: false });
  assert.deepEqual(
    layers.map(({ kind }) => kind),
    ["ip", "udp", "ip", "icmp"],
  );
});

test("decodePacket ends its list where the packet is cut short, at every length", () => {
  const whole = decodePacket(VXLAN_PING, OPTIONS).layers;
  for (let length = 0; length < VXLAN_PING.length; length++) {
    const { layers } = decodePacket(VXLAN_PING.subarray(0, length), OPTIONS);
    assert.deepEqual(layers, whole.slice(0, layers.length));
  }
});

test("decodePacket and describeLayers take any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, hasEthernet) => {
      const { layers, payload } = decodePacket(Buffer.from(bytes), { ...OPTIONS, hasEthernet });
      assert.ok(payload.length <= bytes.length);
      assert.equal(typeof describeLayers(layers), "string");
    }),
    { numRuns: 2000 },
  );
});

test("decodePacket takes a real packet with any bytes changed", () => {
  const change = fc.tuple(fc.nat(VXLAN_PING.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const bytes = Buffer.from(VXLAN_PING);
      for (const [at, value] of changes) bytes.writeUInt8(value, at);
      const { layers, payload } = decodePacket(bytes, OPTIONS);
      assert.ok(layers.length <= 24 && payload.length <= bytes.length);
    }),
    { numRuns: 2000 },
  );
});

test("decodePacket gives up on tunnels inside of tunnels without end", () => {
  const header = VXLAN_PING.subarray(0, 50);
  const nested = Buffer.concat(Array.from({ length: 20 }, () => header));
  for (let at = 0; at < nested.length; at += 50) nested.writeUInt16BE(nested.length - at - 14, at + 16);
  assert.ok(decodePacket(nested, OPTIONS).layers.length <= 24);
});

for (const [source, destination] of [
  ["10.1.0.1", "10.1.0.2"],
  ["fd00::1", "fd00::2"],
] as const) {
  for (const protocol of ["icmp", "udp", "tcp"] as const) {
    test(`encodeSegment makes ${protocol} from ${source} with a checksum that holds, whatever the payload`, () => {
      const [from, to] = [parseAddress(source), parseAddress(destination)];
      const family = source.includes(":") ? 6 : 4;
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (payload) => {
          const options = { protocol, source: from, destination: to, sourcePort: 4711, destinationPort: 80, payload };
          const segment = encodeSegment(options);
          const hasPseudo = protocol !== "icmp" || family === 6;
          const pseudo = hasPseudo
            ? pseudoSum(source, destination, segment.length, ipProtocolOf(protocol, family))
            : [];
          assert.equal(checksum(Buffer.concat([...pseudo, segment])), 0);
          assert.deepEqual(segment.subarray(segment.length - payload.length), Buffer.from(payload));
        }),
      );
    });
  }
}

function pseudoSum(source: string, destination: string, length: number, protocol: number): readonly Buffer[] {
  const bytes = (text: string) =>
    text.includes(":")
      ? Buffer.from(`fd00${"00".repeat(13)}0${text.at(-1)}`, "hex")
      : Buffer.from(text.split(".").map(Number));
  const rest = Buffer.alloc(8);
  rest.writeUInt32BE(length, 0);
  rest.writeUInt8(protocol, 7);
  return [bytes(source), bytes(destination), rest];
}
