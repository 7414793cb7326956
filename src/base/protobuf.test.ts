import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "./codec/codec.ts";
import {
  bool,
  bytes,
  decodeMessage,
  type Encodable,
  encodeMessage,
  enumeration,
  field,
  int32,
  int64,
  message,
  repeated,
  string,
  stringMap,
  UNRECOGNIZED,
  uint32,
  uint64,
} from "./protobuf.ts";

const color = enumeration("Color", ["RED", "GREEN", "BLUE"]);
const inner = message("Inner", { id: field(1, uint32), note: field(2, string) });
const outer = message("Outer", {
  signed: field(1, int32),
  text: field(2, string),
  inner: field(3, inner),
  numbers: repeated(4, int64),
  inners: repeated(5, inner),
  labels: stringMap(6),
  flag: field(7, bool),
  color: field(8, color),
  big: field(9, uint64),
  blob: field(200, bytes),
  colors: repeated(2 ** 29 - 1, color),
});

const empty = {
  signed: 0,
  text: "",
  inner: undefined,
  numbers: [],
  inners: [],
  labels: {},
  flag: false,
  color: "RED",
  big: 0n,
  blob: new Uint8Array(0),
  colors: [],
} as const;

/** The first and third kind are the examples of protobuf.dev, "Encoding". */
const golden: readonly { readonly hex: string; readonly value: Encodable<typeof outer> }[] = [
  { hex: "", value: {} },
  { hex: "089601", value: { signed: 150 } },
  { hex: "08ffffffffffffffffff01", value: { signed: -1 } },
  { hex: "120774657374696e67", value: { text: "testing" } },
  { hex: "1a020801", value: { inner: { id: 1 } } },
  { hex: "1a00", value: { inner: {} } },
  { hex: "2206038e029ea705", value: { numbers: [3n, 270n, 86942n] } },
  { hex: "220affffffffffffffffff01", value: { numbers: [-1n] } },
  { hex: "2a0208012a00", value: { inners: [{ id: 1 }, {}] } },
  { hex: "32060a0161120162", value: { labels: { a: "b" } } },
  { hex: "38014002", value: { flag: true, color: "BLUE" } },
  { hex: "48ffffffffffffffffff01", value: { big: 2n ** 64n - 1n } },
  { hex: "c20c0200ff", value: { blob: Uint8Array.of(0, 255) } },
  { hex: "faffffff0f020001", value: { colors: ["RED", "GREEN"] } },
];

for (const { hex, value } of golden) {
  test(`encodeMessage writes ${hex || "nothing"} and decodeMessage reads it back`, () => {
    assert.equal(encodeMessage(outer, value).toString("hex"), hex);
    const decoded = decodeMessage(outer, Buffer.from(hex, "hex"));
    assert.equal(encodeMessage(outer, decoded).toString("hex"), hex);
  });
}

test("decodeMessage gives the proto3 default for every field that is not there", () => {
  assert.deepEqual(decodeMessage(outer, Buffer.alloc(0)), empty);
});

test("decodeMessage skips unknown fields of every wire type", () => {
  const unknown = "a00601" + "a1060102030405060708" + "a206026869" + "a50601020304";
  assert.deepEqual(decodeMessage(outer, Buffer.from(`${unknown}089601${unknown}`, "hex")), { ...empty, signed: 150 });
});

test("decodeMessage reads a list of numbers that is not packed, and one that is in parts", () => {
  assert.deepEqual(decodeMessage(outer, Buffer.from("200322028e022004", "hex")).numbers, [3n, 270n, 4n]);
});

test("decodeMessage takes the last of several values", () => {
  assert.equal(decodeMessage(outer, Buffer.from("08010802", "hex")).signed, 2);
});

test("decodeMessage names an enum number that it does not know, and encodeMessage refuses it", () => {
  assert.equal(decodeMessage(outer, Buffer.from("4063", "hex")).color, UNRECOGNIZED);
  assert.throws(() => encodeMessage(outer, { color: UNRECOGNIZED }), RangeError);
});

test("a map may have the key __proto__ and an entry without key", () => {
  const labels = JSON.parse('{"__proto__": "x", "": "y"}');
  const decoded = decodeMessage(outer, encodeMessage(outer, { labels }));
  assert.deepEqual(Object.entries(decoded.labels), [
    ["__proto__", "x"],
    ["", "y"],
  ]);
});

const broken: readonly { readonly hex: string; readonly why: string }[] = [
  { hex: "08", why: "ends after a tag" },
  { hex: "0880", why: "ends inside a varint" },
  { hex: "08ffffffffffffffffffffff01", why: "has a varint of more than 10 bytes" },
  { hex: "1205616263", why: "has text longer than the message" },
  { hex: "12ffffffffffffffffff0161", why: "has a length of nearly 2^64" },
  { hex: "1a0308", why: "has a nested message longer than its parent" },
  { hex: "1a0108", why: "has a nested message that ends inside a field" },
  { hex: "00", why: "has field number 0" },
  { hex: "0a00", why: "has the wrong wire type for a known field" },
  { hex: "a306", why: "has a group" },
  { hex: "a1060102", why: "ends inside an unknown field of 8 bytes" },
];

for (const { hex, why } of broken) {
  test(`decodeMessage refuses bytes that ${why}`, () => {
    assert.throws(() => decodeMessage(outer, Buffer.from(hex, "hex")), DecodeError);
  });
}

const unencodable: readonly Encodable<typeof outer>[] = [
  { signed: 2 ** 31 },
  { signed: 0.5 },
  { signed: Number.NaN },
  { inner: { id: -1 } },
  { numbers: [2n ** 63n] },
  { big: -1n },
];

test("encodeMessage refuses values that the type cannot hold", () => {
  for (const value of unencodable) assert.throws(() => encodeMessage(outer, value), RangeError);
});

test("message refuses a field number that is used twice", () => {
  assert.throws(() => message("Twice", { a: field(1, bool), b: field(1, bool) }), RangeError);
});

const plain = { noNullPrototype: true } as const;

const innerModel = { id: fc.integer({ min: 0, max: 2 ** 32 - 1 }), note: fc.string({ unit: "binary" }) };
const innerArbitrary = fc.record(innerModel, plain);

const outerModel = {
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  text: fc.string({ unit: "binary" }),
  inner: fc.option(innerArbitrary, { nil: undefined }),
  numbers: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  inners: fc.array(innerArbitrary),
  labels: fc.dictionary(fc.string({ unit: "binary" }), fc.string(), plain),
  flag: fc.boolean(),
  color: fc.constantFrom("RED", "GREEN", "BLUE"),
  big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  blob: fc.uint8Array(),
  colors: fc.array(fc.constantFrom("RED", "GREEN", "BLUE")),
};
const outerArbitrary = fc.record(outerModel, plain);

test("decodeMessage gives back whatever encodeMessage wrote", () => {
  fc.assert(
    fc.property(outerArbitrary, (value) => {
      assert.deepEqual(decodeMessage(outer, encodeMessage(outer, value)), value);
    }),
  );
});

test("decodeMessage throws nothing but DecodeError on any bytes, nor on a damaged message", () => {
  const readsOrRefuses = (input: Uint8Array): void => {
    try {
      decodeMessage(outer, input);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${error}`);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), readsOrRefuses), { numRuns: 1000 });
  fc.assert(
    fc.property(outerArbitrary, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
      const whole = encodeMessage(outer, value);
      readsOrRefuses(whole.subarray(0, at % (whole.length + 1)));
      const damaged = Uint8Array.from(whole);
      if (damaged.length > 0) damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ flip;
      readsOrRefuses(damaged);
    }),
  );
});
