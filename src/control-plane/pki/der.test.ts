import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "#base/codec/codec.ts";
import {
  element,
  namedBits,
  objectIdentifier,
  octetString,
  readElements,
  sequence,
  TAG,
  time,
  unsignedInteger,
} from "./der.ts";

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

test("element writes the shortest length", () => {
  const lengths: Readonly<Record<number, string>> = {
    0: "00",
    127: "7f",
    128: "8180",
    255: "81ff",
    256: "820100",
    65535: "82ffff",
    65536: "83010000",
    16777216: "8401000000",
  };
  for (const [length, expected] of Object.entries(lengths)) {
    const written = element(TAG.octetString, Buffer.alloc(Number(length)));
    assert.equal(written.subarray(0, 1 + expected.length / 2).toString("hex"), `04${expected}`);
    assert.equal(written.length, 1 + expected.length / 2 + Number(length));
    assert.equal(readElements(written)[0]?.content.length, Number(length));
  }
});

test("readElements gives back what was written, in order and nested", () => {
  const tag = fc.integer({ min: 0, max: 0xff }).filter((number) => (number & 0x1f) !== 0x1f);
  fc.assert(
    fc.property(fc.array(fc.tuple(tag, bytes(300)), { maxLength: 5 }), (parts) => {
      const written = parts.map(([number, content]) => element(number, content));
      const [outer, ...others] = readElements(sequence(...written));
      assert.deepEqual(others, []);
      const expected = parts.map(([number, content], index) => ({ tag: number, content, bytes: written[index] }));
      assert.deepEqual(readElements(outer?.content ?? Buffer.of(0)), expected);
    }),
  );
});

test("readElements refuses what is cut off, and whatever else it is given, with DecodeError only", () => {
  fc.assert(
    fc.property(bytes(300), fc.nat(), (content, at) => {
      const whole = octetString(content);
      assert.throws(() => readElements(whole.subarray(0, 1 + (at % (whole.length - 1)))), DecodeError);
    }),
  );
  fc.assert(
    fc.property(bytes(20), (noise) => {
      try {
        const read = readElements(noise);
        assert.deepEqual(Buffer.concat(read.map((one) => one.bytes)), noise);
      } catch (error) {
        assert.ok(error instanceof DecodeError);
      }
    }),
  );
  for (const hex of ["1f0100", "3080", "30850000000000", "04", "0484ffffffff"]) {
    assert.throws(() => readElements(Buffer.from(hex, "hex")), DecodeError, hex);
  }
});

test("unsignedInteger keeps the value, is not negative and has no byte too many", () => {
  fc.assert(
    fc.property(bytes(24), (number) => {
      const digits = readElements(unsignedInteger(number))[0]?.content ?? Buffer.alloc(0);
      const [first = 0xff, second = 0xff] = digits;
      assert.equal(BigInt(`0x0${digits.toString("hex")}`), BigInt(`0x0${number.toString("hex")}`));
      assert.ok(first < 0x80, "negative");
      assert.ok(first !== 0 || digits.length === 1 || second >= 0x80, "superfluous zero");
    }),
  );
  const written = [[], [0], [0x7f], [0x80], [0, 0, 1], [0xff, 0]].map((number) =>
    unsignedInteger(Buffer.from(number)).toString("hex"),
  );
  assert.deepEqual(written, ["020100", "020100", "02017f", "02020080", "020101", "020300ff00"]);
});

test("namedBits writes no bit behind the last that is set", () => {
  const hex = (...numbers: readonly number[]): string => namedBits(...numbers).toString("hex");
  assert.deepEqual(
    [hex(), hex(0), hex(0, 5, 6), hex(7), hex(8)],
    ["030100", "03020780", "03020186", "03020001", "0303070080"],
  );
});

test("objectIdentifier writes numbers of several bytes", () => {
  // The last one: `openssl asn1parse -genstr OID:2.999.127.128.16384`.
  const known = {
    "2.5.4.3": "0603550403",
    "1.2.840.10045.4.3.2": "06082a8648ce3d040302",
    "2.999.127.128.16384": "060888377f8100818000",
  };
  for (const [dotted, hex] of Object.entries(known)) {
    assert.equal(objectIdentifier(dotted).toString("hex"), hex);
  }
});

test("time is UTCTime to the end of 2049 and GeneralizedTime from then on", () => {
  const known: Readonly<Record<string, [number, string]>> = {
    "1950-01-01T00:00:00Z": [TAG.utcTime, "500101000000Z"],
    "2026-11-22T01:02:03.999Z": [TAG.utcTime, "261122010203Z"],
    "2049-12-31T23:59:59.999Z": [TAG.utcTime, "491231235959Z"],
    "2050-01-01T00:00:00Z": [TAG.generalizedTime, "20500101000000Z"],
    "9999-12-31T23:59:59Z": [TAG.generalizedTime, "99991231235959Z"],
  };
  for (const [date, [tag, text]] of Object.entries(known)) {
    assert.deepEqual(time(new Date(date)), element(tag, Buffer.from(text)));
  }
  for (const date of [new Date(Number.NaN), new Date("1949-12-31T23:59:59Z"), new Date("+010000-01-01T00:00:00Z")]) {
    assert.throws(() => time(date), RangeError);
  }
});
