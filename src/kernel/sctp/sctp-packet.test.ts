import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c, decodeSctp, encodeSctp } from "./sctp-packet.ts";

test("crc32c gives the check value of the Castagnoli polynomial", () => {
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa); // RFC 3720 B.4, 32 bytes of zeros
});

for (const chunk of ["init", "init ack"] as const) {
  test(`encodeSctp and decodeSctp agree on ${chunk}`, () => {
    const packet = { sourcePort: 20001, destinationPort: 5000, verificationTag: 7, chunk, initiateTag: 42 };
    assert.deepEqual(decodeSctp(encodeSctp(packet)), packet);
  });
}

test("decodeSctp refuses what is damaged or too short", () => {
  const bytes = encodeSctp({ sourcePort: 1, destinationPort: 2, verificationTag: 0, chunk: "init", initiateTag: 3 });
  for (let index = 0; index < bytes.length; index++) {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(index) ^ 1, index);
    assert.equal(decodeSctp(damaged), undefined, `byte ${index}`);
  }
  for (let length = 0; length < 16; length++) assert.equal(decodeSctp(bytes.subarray(0, length)), undefined);
});
