import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressBytes, parseAddress } from "#base/ip-address.ts";
import { decrementTtl, internetChecksum, readPacket } from "./ip-packet.ts";
import { netUnreachable } from "./net-unreachable.ts";
import { peerTable } from "./peer-table.ts";

/** An IPv4 header with UDP's number, a correct checksum, and 8 bytes of payload. */
function ipv4(ttl: number, id = 0, destination = "10.244.2.10"): Buffer {
  const packet = Buffer.alloc(28);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(id, 4);
  packet.writeUInt8(ttl, 8);
  packet.writeUInt8(17, 9);
  packet.set(addressBytes(parseAddress("10.244.1.10")), 12);
  packet.set(addressBytes(parseAddress(destination)), 16);
  packet.writeUInt16BE(internetChecksum(packet.subarray(0, 20)), 10);
  return packet;
}

test("decrementTtl keeps the header's checksum right, and ends a packet's last hop", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 0xffff }), (ttl, id) => {
      const packet = ipv4(ttl, id);
      const header = readPacket(packet);
      assert.ok(header);
      assert.equal(decrementTtl(packet, header), ttl > 1);
      assert.equal(packet[8], ttl > 1 ? ttl - 1 : ttl);
      assert.equal(internetChecksum(packet.subarray(0, 20)), 0);
    }),
  );
});

test("readPacket never reads past the packet and takes no half one", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void readPacket(Buffer.from(bytes))));
  const packet = ipv4(64);
  for (let length = 0; length < packet.length; length++)
    assert.equal(readPacket(packet.subarray(0, length)), undefined);
});

test("netUnreachable answers with a whole packet to the sender, but never a multicast", () => {
  const own = addressBytes(parseAddress("10.244.1.0"));
  const packet = ipv4(64);
  const header = readPacket(packet);
  assert.ok(header);
  const answer = netUnreachable(packet, header, own);
  assert.ok(answer);
  assert.equal(readPacket(answer)?.destination.join("."), "10.244.1.10");
  assert.deepEqual([answer[20], answer[21]], [3, 0]);
  assert.equal(internetChecksum(answer.subarray(0, 20)), 0);
  assert.equal(internetChecksum(answer.subarray(20)), 0);
  const multicast = ipv4(64, 0, "224.0.0.1");
  const multicastHeader = readPacket(multicast);
  assert.equal(multicastHeader && netUnreachable(multicast, multicastHeader, own), undefined);
});

test("peerTable finds the longest prefix of the destination's family", () => {
  const table = peerTable([
    { prefix: "10.244.0.0/16", node: parseAddress("192.168.50.1") },
    { prefix: "10.244.2.128/25", node: parseAddress("192.168.50.2") },
    { prefix: "fd00:10:244:2::/64", node: parseAddress("fd00:50::2") },
  ]);
  const find = (address: string) => table.find(addressBytes(parseAddress(address)));
  assert.equal(find("10.244.2.1"), "192.168.50.1");
  assert.equal(find("10.244.2.200"), "192.168.50.2");
  assert.equal(find("10.245.0.1"), undefined);
  assert.equal(find("fd00:10:244:2::9"), "fd00:50::2");
});
