import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import { commentItems, findComment, lenientUserdata, userdata } from "./userdata.ts";

test("userdata reads what it wrote", () => {
  const item = fc.record({ type: fc.nat(255), value: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 5 }), (items) => {
      const read = decode(userdata, encode(userdata, items));
      assert.deepEqual(
        read.map(({ type, value }) => ({ type, value: [...value] })),
        items.map(({ type, value }) => ({ type, value: [...value] })),
      );
    }),
  );
});

test("a comment is an item of text with a NUL, as libnftnl writes it", () => {
  assert.equal(encode(userdata, commentItems("pod a") ?? []).toString("hex"), "0006706f64206100");
  assert.equal(findComment(decode(userdata, Buffer.from("0006706f64206100", "hex"))), "pod a");
  assert.equal(findComment(commentItems("größe")), "größe");
  assert.equal(findComment(undefined), undefined);
});

test("userdata refuses more than the kernel takes", () => {
  assert.throws(() => encode(userdata, commentItems("x".repeat(254)) ?? []), /257 bytes, at most 256/);
});

test("userdata refuses an item that is cut; lenientUserdata reads nothing then", () => {
  assert.throws(() => decode(userdata, Buffer.from([0, 9, 1])), DecodeError);
  assert.deepEqual(decode(lenientUserdata, Buffer.from([0, 9, 1])), []);
});
