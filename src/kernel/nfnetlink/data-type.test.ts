import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, DATA_TYPES, fieldBytes, splitConcat, typeBytes, typeNumber, typesOfNumber } from "./data-type.ts";

test("typeNumber is what nft sends for ipv4_addr . inet_proto . inet_service", () => {
  assert.equal(typeNumber(["ipv4_addr", "inet_proto", "inet_service"]), 0x730d);
  assert.equal(typeBytes(["ipv4_addr", "inet_proto", "inet_service"]), 12);
  assert.equal(typeBytes(["inet_service"]), 2);
});

test("typesOfNumber is the reverse of typeNumber", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...DATA_TYPES), { minLength: 1, maxLength: 5 }), (types) => {
      assert.deepEqual(typesOfNumber(typeNumber(types)), types);
    }),
  );
});

test("typesOfNumber does not guess: a part of an unknown type makes the whole unknown", () => {
  assert.equal(typesOfNumber(typeNumber(["ipv4_addr"]) * 64 + 63), undefined);
  assert.equal(typesOfNumber(0), undefined);
});

test("splitConcat gives back the parts that concat put together", () => {
  const types = ["ether_addr", "inet_service", "inet_proto", "ipv6_addr"] as const;
  const parts = fieldBytes(types).map((length, index) => new Uint8Array(length).fill(index + 1));
  const whole = concat(...parts);
  assert.equal(whole.length, typeBytes(types));
  assert.deepEqual(splitConcat(types, whole), parts);
});

test("concat pads every part to 4 bytes, but not a single one", () => {
  assert.deepEqual(concat(Uint8Array.of(6), Uint8Array.of(0, 80)), Uint8Array.of(6, 0, 0, 0, 0, 80, 0, 0));
  assert.deepEqual(concat(Uint8Array.of(0, 80)), Uint8Array.of(0, 80));
});
