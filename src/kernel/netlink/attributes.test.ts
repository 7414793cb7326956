import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import { struct } from "#base/codec/struct.ts";
import { cString, presence, rawBytes, u8, u16host, u32host } from "#base/codec/values.ts";
import { attribute, attributeList, attributes, headerAndAttributes } from "./attributes.ts";

const inner = attributes({ id: attribute(1, u32host), flag: attribute(2, presence) });
const outer = attributes({
  name: attribute(3, cString),
  small: attribute(4, u8),
  inner: attribute(18, inner),
  list: attribute(19, attributeList(1, u16host)),
});

test("attributes write length, type, padding and NLA_F_NESTED", () => {
  // nla_len counts header and payload without padding; NLA_F_NESTED is 0x8000. Little-endian machine.
  const bytes = encode(outer, { name: "v0", inner: { id: 7, flag: true } });
  assert.equal(bytes.toString("hex"), "0700030076300000" + "10001280" + "0800010007000000" + "04000200");
});

test("attributes read back what they write", () => {
  const value = fc.record(
    {
      name: fc.stringMatching(/^[a-z0-9]{0,15}$/),
      small: fc.nat(255),
      inner: fc.record({ id: fc.nat(), flag: fc.constant<true>(true) }, { requiredKeys: [], noNullPrototype: true }),
      list: fc.array(fc.nat(0xffff)),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(fc.property(value, (one) => assert.deepEqual(decode(outer, encode(outer, one)), one)));
});

test("attributes keep what the declaration does not name", () => {
  const wide = attributes({ name: attribute(3, cString), extra: attribute(99, rawBytes) });
  const bytes = encode(wide, { name: "v0", extra: Uint8Array.of(1, 2, 3) });
  const read = decode(outer, bytes);
  assert.deepEqual(
    read.unknown?.map(({ type, payload }) => [type, ...payload]),
    [[99, 1, 2, 3]],
  );
  assert.deepEqual(encode(outer, read), bytes);
});

test("attributes ignore the flag bits of the type", () => {
  assert.equal(decode(outer, Buffer.from("0500044007000000", "hex")).small, 7); // 0x4000 NLA_F_NET_BYTEORDER
});

for (const [reason, hex] of [
  ["a length below the header", "03000300"],
  ["a length beyond the end", "0c00030076300000"],
  ["a length beyond the end of the nest", "0c00128010000100070000"],
  ["a payload shorter than its type", "0400040000000000"],
] as const) {
  test(`attributes throw DecodeError for ${reason}`, () => {
    assert.throws(() => decode(outer, Buffer.from(hex, "hex")), DecodeError);
  });
}

test("attributes refuse a payload longer than nla_len can say", () => {
  assert.throws(
    () => encode(attributes({ data: attribute(1, rawBytes) }), { data: new Uint8Array(0x10000) }),
    RangeError,
  );
});

test("headerAndAttributes aligns the header to 4 bytes", () => {
  const message = headerAndAttributes(struct("odd", { a: u8, b: u8, c: u8 }), inner);
  const bytes = encode(message, { a: 1, b: 2, c: 3, id: 9 });
  assert.equal(bytes.toString("hex"), "01020300" + "0800010009000000");
  assert.deepEqual(decode(message, bytes), { a: 1, b: 2, c: 3, id: 9 });
  assert.throws(() => decode(message, Buffer.from([1, 2, 3])), DecodeError);
});
