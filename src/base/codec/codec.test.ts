import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Codec, DecodeError, decode, encode } from "./codec.ts";
import { struct } from "./struct.ts";
import {
  byteArray,
  cString,
  i32be,
  i32host,
  mapped,
  padding,
  presence,
  rawBytes,
  u8,
  u16be,
  u16host,
  u32be,
  u32host,
  u64be,
  u64host,
} from "./values.ts";

function returns<T>(name: string, codec: Codec<T>, values: fc.Arbitrary<T>): void {
  test(`${name} reads back what it writes, in exactly size(value) bytes`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encode(codec, value);
        assert.equal(bytes.length, codec.size(value));
        assert.deepEqual(decode(codec, bytes), value);
      }),
    );
  });
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

returns("u8", u8, fc.integer({ min: 0, max: 0xff }));
returns("u16be", u16be, fc.integer({ min: 0, max: 0xffff }));
returns("u16host", u16host, fc.integer({ min: 0, max: 0xffff }));
returns("u32be", u32be, u32);
returns("u32host", u32host, u32);
returns("i32be", i32be, i32);
returns("i32host", i32host, i32);
returns("u64be", u64be, u64);
returns("u64host", u64host, u64);
returns(
  "cString",
  cString,
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
);
returns(
  "rawBytes",
  mapped(
    rawBytes,
    (bytes) => [...bytes],
    (list) => Uint8Array.from(list),
  ),
  fc.array(fc.nat(255)),
);

test("the byte order is the one in the name", () => {
  assert.deepEqual([...encode(u16be, 0x1234)], [0x12, 0x34]);
  assert.deepEqual([...encode(u32be, 0x12345678)], [0x12, 0x34, 0x56, 0x78]);
  assert.deepEqual([...encode(u64be, 1n)], [0, 0, 0, 0, 0, 0, 0, 1]);
  const host = new Uint8Array(Uint32Array.of(0x12345678).buffer);
  assert.deepEqual([...encode(u32host, 0x12345678)], [...host]);
});

const header = struct("header", { kind: u8, _pad: padding(1), port: u16be, address: byteArray(4) });

test("struct writes fields in order and keeps padding out of the value", () => {
  const value = { kind: 7, port: 8080, address: Uint8Array.of(10, 0, 0, 1) };
  const bytes = encode(header, value);
  assert.deepEqual([...bytes], [7, 0, 0x1f, 0x90, 10, 0, 0, 1]);
  const read = decode(header, bytes);
  assert.deepEqual({ ...read, address: [...read.address] }, { ...value, address: [10, 0, 0, 1] });
  assert.equal(header.bytes, 8);
});

const tooShort: readonly [string, Codec<unknown>, number][] = [
  ["u8", u8, 1],
  ["u16host", u16host, 2],
  ["u32be", u32be, 4],
  ["u64host", u64host, 8],
  ["byteArray", byteArray(3), 3],
  ["padding", padding(2), 2],
  ["struct", header, 8],
];
for (const [name, codec, needed] of tooShort) {
  test(`${name} throws DecodeError one byte before the end`, () => {
    assert.throws(() => decode(codec, Buffer.alloc(needed - 1)), DecodeError);
    assert.throws(() => codec.read(Buffer.alloc(64), 10, 10 + needed - 1), DecodeError);
    assert.doesNotThrow(() => decode(codec, Buffer.alloc(needed)));
  });
}

test("cString stops at the NUL and does not look behind the end", () => {
  assert.equal(cString.read(Buffer.from("eth0\0rest"), 0, 9), "eth0");
  assert.equal(cString.read(Buffer.from("eth0more\0"), 0, 4), "eth0");
  assert.equal(cString.read(Buffer.from("eth0"), 0, 4), "eth0");
  assert.equal(decode(cString, Buffer.alloc(0)), "");
});

test("rawBytes copies: the receive buffer may change afterwards", () => {
  const buffer = Buffer.from([1, 2, 3]);
  const read = decode(rawBytes, buffer);
  buffer.fill(9);
  assert.deepEqual([...read], [1, 2, 3]);
});

test("byteArray refuses another number of bytes", () => {
  assert.throws(() => encode(byteArray(6), new Uint8Array(4)), RangeError);
});

test("presence has no payload", () => {
  assert.equal(encode(presence, true).length, 0);
  assert.equal(decode(presence, Buffer.alloc(0)), true);
});

test("mapped turns what its function throws into DecodeError", () => {
  const even = mapped(
    u8,
    (value) => {
      if (value % 2) throw new Error("odd");
      return value;
    },
    (value) => value,
  );
  assert.equal(decode(even, Buffer.from([2])), 2);
  assert.throws(
    () => decode(even, Buffer.from([3])),
    (error) => error instanceof DecodeError && /odd/.test(error.message),
  );
});
