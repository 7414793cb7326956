/**
 * Amounts of resources: "500m", "1Gi", "1e3". Read, compared, added and written as Kubernetes does it: exact to one
 * billionth, what is finer is rounded away from zero, what is larger than 2^63-1 is cut. The written form has the
 * largest suffix that leaves a whole number ("1000m" is "1"), in the family that the text came in.
 * Source: Kubernetes API reference, Quantity.
 */

/** Powers of 1024 (Ki), of 1000 (k), or an exponent (e3). */
export type QuantityFormat = "binary" | "decimal" | "exponent";

export interface Quantity {
  /** The amount times 10^9. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

const NANO = 1_000_000_000n;
const MAX_NANOS = (2n ** 63n - 1n) * NANO;

/** Far beyond what any amount needs; it keeps hostile texts cheap. */
const MAX_TEXT = 1000;

/** Exponents of ten, and of two, by suffix. */
const DECIMAL = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const BINARY = new Map([
  ["Ki", 10],
  ["Mi", 20],
  ["Gi", 30],
  ["Ti", 40],
  ["Pi", 50],
  ["Ei", 60],
]);
const DECIMAL_SUFFIX = new Map(Array.from(DECIMAL, ([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIX = ["", ...BINARY.keys()];

const FORM = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:([eE])([+-]?\d{1,4})|([numkMGTPE]|[KMGTPE]i)?)$/;

export const QUANTITY_TEXT =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** The text has not the form of a quantity. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
  readonly text: string;

  constructor(text: string) {
    super(QUANTITY_TEXT);
    this.text = text;
  }
}

/** Throws QuantityError. */
export function parseQuantity(text: string): Quantity {
  const quantity = findQuantity(text);
  if (quantity === undefined) throw new QuantityError(text);
  return quantity;
}

/** Undefined when the text is no quantity. */
export function findQuantity(text: string): Quantity | undefined {
  const match = text.length > MAX_TEXT ? null : FORM.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = match[4] ?? "", , e, exponent = "0", suffix = ""] = match;
  const digits = BigInt(whole + fraction);
  const twos = BINARY.get(suffix);
  const tens = (e === undefined ? (DECIMAL.get(suffix) ?? 0) : Number(exponent)) - fraction.length + 9;
  const numerator = digits * 2n ** BigInt(twos ?? 0);
  // Nothing is as large as that many digits; it keeps hostile exponents cheap.
  const large = digits !== 0n && tens > 64;
  const nanos = large
    ? MAX_NANOS
    : tens >= 0
      ? numerator * 10n ** BigInt(tens)
      : divideUp(numerator, 10n ** BigInt(-tens));
  const capped = nanos > MAX_NANOS ? MAX_NANOS : nanos;
  const format = twos !== undefined ? "binary" : e !== undefined ? "exponent" : "decimal";
  return { nanos: sign === "-" ? -capped : capped, format };
}

/** The one way in which this amount is written. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return "0";
  const isSmallOrBroken = (nanos > -1024n * NANO && nanos < 1024n * NANO) || nanos % NANO !== 0n;
  if (format === "binary" && !isSmallOrBroken) {
    let [value, power] = [nanos / NANO, 0];
    while (value % 1024n === 0n && power < BINARY_SUFFIX.length - 1) [value, power] = [value / 1024n, power + 1];
    return `${value}${BINARY_SUFFIX[power]}`;
  }
  let [value, exponent] = [nanos, -9];
  while (value % 1000n === 0n && exponent < 18) [value, exponent] = [value / 1000n, exponent + 3];
  if (format === "exponent") return exponent === 0 ? String(value) : `${value}e${exponent}`;
  return `${value}${DECIMAL_SUFFIX.get(exponent)}`;
}

/** Written as the server keeps it; undefined when the text is no quantity. */
export function canonicalQuantity(text: string): string | undefined {
  // The common forms that are canonical as they stand, without arithmetic: 0, 250m, 64Mi, 12k.
  if (/^(?:0|[1-9]\d?(?:Ki|Mi|Gi|[mkMG])?|[1-9]\d{0,2}m?)$/.test(text)) return text;
  const quantity = findQuantity(text);
  return quantity === undefined ? undefined : formatQuantity(quantity);
}

/** Negative when a is less than b, 0 when they are equal. */
export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/** In the format of `a`, or of `b` when `a` is 0. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const sum = a.nanos + b.nanos;
  const nanos = sum > MAX_NANOS ? MAX_NANOS : sum < -MAX_NANOS ? -MAX_NANOS : sum;
  return { nanos, format: a.nanos === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return addQuantities(a, { nanos: -b.nanos, format: b.format });
}

/** Whole units (bytes, pods), rounded up. */
export function quantityValue(quantity: Quantity): number {
  return Number(roundUp(quantity.nanos, NANO));
}

/** Thousandths (millicores), rounded up. */
export function quantityMillis(quantity: Quantity): number {
  return Number(roundUp(quantity.nanos, 1_000_000n));
}

/** Away from zero; both are positive. */
function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** Away from zero. */
function roundUp(value: bigint, by: bigint): bigint {
  return value < 0n ? -divideUp(-value, by) : divideUp(value, by);
}
