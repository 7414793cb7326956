import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatAddress } from "#base/ip-address.ts";
import { decodeEcho, type EchoDatagram, encodeEcho, MIN_DATAGRAM_BYTES } from "./echo-datagram.ts";

const addresses = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => formatAddress(bytes))
  .filter((address) => !address.startsWith("::ffff:"));
const numbers = fc.integer({ min: 0, max: 0xffffffff });
const datagrams: fc.Arbitrary<EchoDatagram> = fc.oneof(
  numbers.map((number) => ({ kind: "question", number }) as const),
  fc.tuple(numbers, addresses).map(([number, seen]) => ({ kind: "answer", number, seen }) as const),
);

test("decodeEcho reads what encodeEcho writes, at any size", () => {
  fc.assert(
    fc.property(datagrams, fc.nat(2000), (datagram, bytes) => {
      const encoded = encodeEcho(datagram, bytes);
      assert.equal(encoded.length, Math.max(bytes, MIN_DATAGRAM_BYTES));
      assert.deepEqual(decodeEcho(encoded), datagram);
    }),
  );
});

test("decodeEcho takes any bytes, and leaves alone what is none of ours", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => assert.equal(decodeEcho(Buffer.from(bytes)), undefined)),
  );
  fc.assert(
    fc.property(datagrams, fc.nat(MIN_DATAGRAM_BYTES - 1), fc.integer({ min: 0, max: 255 }), (datagram, at, value) => {
      const bytes = encodeEcho(datagram, 0);
      bytes.writeUInt8(value, at);
      decodeEcho(bytes);
      assert.equal(decodeEcho(bytes.subarray(0, at)), undefined);
    }),
  );
});
