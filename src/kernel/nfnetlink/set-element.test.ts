import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decode, encode } from "#base/codec/codec.ts";
import { elementIndexAt } from "./element-offset.ts";
import { hasDuplicates } from "./nft-query.ts";
import { packElements, splitElements } from "./operation-messages.ts";
import {
  encodeRunMessage,
  intervalElements,
  type NftSetElement,
  nftSetElement,
  nftSetElements,
} from "./set-element.ts";

const set = { family: "inet", table: "podwire", set: "cidrs" } as const;

for (const [from, to, end] of [
  ["0a000000", "0affffff", "0b000000"],
  ["0a000001", "0a000001", "0a000002"],
  ["0a0000ff", "0a0000ff", "0a000100"],
  ["00ffffff", "00ffffff", "01000000"],
] as const) {
  test(`intervalElements ends ${from}-${to} at ${end}`, () => {
    const [first, last, ...rest] = intervalElements(Buffer.from(from, "hex"), Buffer.from(to, "hex"));
    assert.deepEqual(first, { key: Buffer.from(from, "hex") });
    assert.equal(Buffer.from(last?.key ?? []).toString("hex"), end);
    assert.deepEqual(last?.flags, ["interval-end"]);
    assert.deepEqual(rest, []);
  });
}

test("intervalElements leaves a range open that ends at the highest key", () => {
  assert.deepEqual(intervalElements(Uint8Array.of(224), Uint8Array.of(255)), [{ key: Uint8Array.of(224) }]);
});

test("splitElements keeps all elements in order, in runs that fit an attribute", () => {
  for (const comment of [undefined, "x".repeat(120)]) {
    const elements: NftSetElement[] = Array.from({ length: 3000 }, (_, index) => ({
      key: Uint8Array.of(index >> 8, index & 0xff),
      ...(comment && { comment }),
    }));
    const runs = splitElements(elements);
    assert.deepEqual(runs.flat(), elements);
    for (const run of runs) {
      assert.ok(run.length <= 1000);
      encode(nftSetElements, { ...set, elements: run }); // throws where an attribute is too long
    }
  }
  assert.deepEqual(splitElements([]), []);
});

// As they are read.
const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array));
const verdicts = fc.constantFrom(
  { verdict: "accept" } as const,
  { verdict: "goto", chain: "service4-outside-cluster-3" } as const,
);
const plainElements: fc.Arbitrary<NftSetElement> = fc.record(
  { key: bytes, data: fc.oneof(bytes, verdicts), comment: fc.string({ unit: "grapheme", maxLength: 40 }) },
  { requiredKeys: [], noNullPrototype: true },
);

test("a plain element has the bytes of the general codec, which reads them", () => {
  fc.assert(
    fc.property(plainElements, (element) => {
      // With flags it is no plain one; theirs are the first 8 bytes.
      const general = encode(nftSetElement, { ...element, flags: [] }).subarray(8);
      const plain = encode(nftSetElement, element);
      assert.deepEqual(plain, general);
      assert.deepEqual(decode(nftSetElement, plain), element);
    }),
  );
});

test("an element refuses a comment that the kernel has no room for", () => {
  assert.throws(() => encode(nftSetElement, { key: Uint8Array.of(1), comment: "x".repeat(254) }), /at most 256/);
});

test("encodeRunMessage writes what nftSetElements writes", () => {
  const elements: NftSetElement[] = [{ key: Uint8Array.of(1, 2), comment: "a" }, { key: Uint8Array.of(3, 4) }];
  const [run, ...others] = packElements(elements);
  assert.ok(run);
  assert.deepEqual([others, run.length], [[], 2]);
  assert.deepEqual(encodeRunMessage(set, run), encode(nftSetElements, { ...set, elements }));
});

const keyA = Uint8Array.of(1, 2);
const keyB = Uint8Array.of(1, 3);
for (const [what, elements, expected] of [
  ["nothing", [], false],
  ["two keys", [{ key: keyA }, { key: keyB }], false],
  ["one key twice", [{ key: keyA }, { key: keyB }, { key: Uint8Array.from(keyA) }], true],
  ["the end of a range and the start of the next", [{ key: keyA, flags: ["interval-end"] }, { key: keyA }], false],
  [
    "two ranges with one start",
    [
      { key: keyA, keyEnd: keyA },
      { key: keyA, keyEnd: keyB },
    ],
    false,
  ],
  ["a key and everything else", [{ key: keyA }, { flags: ["catch-all"] }], false],
] as const) {
  test(`hasDuplicates is ${expected} for ${what}`, () => assert.equal(hasDuplicates(elements), expected));
}

test("elementIndexAt finds the element that holds a byte of the message", () => {
  const elements = [{ key: Uint8Array.of(1, 2, 3, 4) }, { key: Uint8Array.of(5, 6, 7, 8), comment: "x" }];
  const payload = encode(nftSetElements, { ...set, elements });
  const second = payload.indexOf(Buffer.from([5, 6, 7, 8]));
  assert.equal(elementIndexAt(payload, payload.indexOf(Buffer.from([1, 2, 3, 4]))), 0);
  assert.equal(elementIndexAt(payload, second), 1);
  assert.equal(elementIndexAt(payload, 8), undefined);
  assert.equal(elementIndexAt(payload, payload.length + 100), undefined);
});
