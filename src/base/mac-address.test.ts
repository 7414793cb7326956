import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressError } from "./ip-address.ts";
import { formatMacAddress, macBytes, parseMacAddress } from "./mac-address.ts";

for (const text of ["0A:bb:cc:dd:ee:0f", "0a-bb-CC-dd-ee-0f"]) {
  test(`parseMacAddress reads ${text}`, () => {
    assert.equal(parseMacAddress(text), "0a:bb:cc:dd:ee:0f");
  });
}

for (const text of [
  "",
  "0a:bb:cc:dd:ee",
  "0a:bb:cc:dd:ee:0f:11",
  "0a:bb-cc:dd:ee:0f",
  "0g:bb:cc:dd:ee:0f",
  "0abbccddee0f",
]) {
  test(`parseMacAddress refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseMacAddress(text), AddressError);
  });
}

test("macBytes and formatMacAddress are inverse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const mac = formatMacAddress(bytes);
      assert.equal(parseMacAddress(mac), mac);
      assert.deepEqual(macBytes(mac), bytes);
    }),
  );
});

test("formatMacAddress refuses other lengths", () => {
  assert.throws(() => formatMacAddress(new Uint8Array(8)), AddressError);
});
