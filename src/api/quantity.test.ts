import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  findQuantity,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityMillis,
  quantityValue,
  subtractQuantities,
} from "./quantity.ts";

const CANONICAL: readonly (readonly [text: string, canonical: string])[] = [
  ["0", "0"],
  ["0Ki", "0"],
  ["-0", "0"],
  ["0.0", "0"],
  ["1", "1"],
  ["+5", "5"],
  ["1000", "1k"],
  ["1000m", "1"],
  ["1500m", "1500m"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["5.", "5"],
  ["100m", "100m"],
  ["1024", "1024"],
  ["1024Mi", "1Gi"],
  ["1536Mi", "1536Mi"],
  ["1.5Gi", "1536Mi"],
  ["0.5Ki", "512"],
  ["1Ki", "1Ki"],
  ["1023Ki", "1023Ki"],
  ["0.1Ki", "102400m"],
  ["0.1Mi", "104857600m"],
  ["0.5Gi", "512Mi"],
  ["1e3", "1e3"],
  ["1E3", "1e3"],
  ["12e6", "12e6"],
  ["1000e3", "1e6"],
  ["1e-3", "1e-3"],
  ["1E", "1E"],
  ["8Ei", "9223372036854775807"],
  ["1e40", "9223372036854775807"],
  ["1e9999", "9223372036854775807"],
  ["-1e9999", "-9223372036854775807"],
  ["0e9999", "0"],
  ["1e-9999", "1e-9"],
  ["1n", "1n"],
  ["0.1n", "1n"],
  ["-0.1n", "-1n"],
  ["1.0000000001", "1000000001n"],
  ["-1.5", "-1500m"],
  ["-2048", "-2048"],
  ["-2Ki", "-2Ki"],
  ["999", "999"],
  ["10k", "10k"],
  ["64Mi", "64Mi"],
];

for (const [text, canonical] of CANONICAL) {
  test(`canonicalQuantity writes ${text} as ${canonical}`, () => {
    assert.equal(canonicalQuantity(text), canonical);
  });
}

for (const text of [
  "1".repeat(2000),
  "",
  " 1",
  "1 ",
  "1Zi",
  "1ki",
  "--1",
  "1.1.1",
  ".",
  "m",
  "1e",
  "1e1.5",
  "1mi",
  "0x10",
  "1K",
  "١",
]) {
  test(`parseQuantity rejects ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => parseQuantity(text), QuantityError);
    assert.equal(findQuantity(text), undefined);
    assert.equal(canonicalQuantity(text), undefined);
  });
}

const suffix = fc.constantFrom(
  "",
  "n",
  "u",
  "m",
  "k",
  "M",
  "G",
  "T",
  "P",
  "E",
  "Ki",
  "Mi",
  "Gi",
  "Ti",
  "e2",
  "e-4",
  "E+1",
);
const text = fc
  .tuple(fc.constantFrom("", "-", "+"), fc.nat(2_000_000), fc.option(fc.nat(9999), { nil: undefined }), suffix)
  .map(([sign, whole, fraction, unit]) => `${sign}${whole}${fraction === undefined ? "" : `.${fraction}`}${unit}`);

test("formatQuantity keeps the amount, and what it writes is canonical", () => {
  fc.assert(
    fc.property(text, (input) => {
      const quantity = parseQuantity(input);
      const written = formatQuantity(quantity);
      assert.equal(parseQuantity(written).nanos, quantity.nanos);
      assert.equal(formatQuantity(parseQuantity(written)), written);
      assert.equal(canonicalQuantity(input), written);
    }),
  );
});

test("compareQuantities orders as numbers do", () => {
  const amount = fc.integer({ min: -(2 ** 40), max: 2 ** 40 });
  fc.assert(
    fc.property(amount, amount, (a, b) => {
      const expected = Math.sign(a - b) + 0;
      assert.equal(compareQuantities(parseQuantity(`${a}m`), parseQuantity(`${b}m`)), expected);
    }),
  );
});

test("addQuantities and subtractQuantities undo each other and keep the format", () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [left, right] = [parseQuantity(a), parseQuantity(b)];
      const sum = addQuantities(left, right);
      fc.pre(sum.nanos < 2n ** 90n && sum.nanos > -(2n ** 90n));
      assert.equal(subtractQuantities(sum, right).nanos, left.nanos);
      if (left.nanos !== 0n) assert.equal(sum.format, left.format);
    }),
  );
});

test("addQuantities takes the other format when the first is zero", () => {
  assert.equal(formatQuantity(addQuantities(parseQuantity("0"), parseQuantity("2Gi"))), "2Gi");
  assert.equal(formatQuantity(addQuantities(parseQuantity("1Gi"), parseQuantity("1Gi"))), "2Gi");
});

const ROUNDED: readonly (readonly [text: string, value: number, millis: number])[] = [
  ["1", 1, 1000],
  ["100m", 1, 100],
  ["1500m", 2, 1500],
  ["1n", 1, 1],
  ["1Ki", 1024, 1_024_000],
  ["-1500m", -2, -1500],
  ["0", 0, 0],
];

for (const [amount, value, millis] of ROUNDED) {
  test(`quantityValue and quantityMillis round ${amount} away from zero`, () => {
    assert.equal(quantityValue(parseQuantity(amount)), value);
    assert.equal(quantityMillis(parseQuantity(amount)), millis);
  });
}
