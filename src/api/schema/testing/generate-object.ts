/**
 * Random values that a schema allows, for property tests: what the decoder gives back unchanged and validation
 * accepts. Rules of a kind beyond its schema may still be broken.
 */
import fc from "fast-check";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { apiVersionOf, type Kind } from "../../kind.ts";
import { objectMeta } from "../../meta/object-meta.ts";
import { checkDnsSubdomain } from "../../names.ts";
import { canonicalQuantity } from "../../quantity.ts";
import { formatTime } from "../decode-time.ts";
import { type MutableJsonObject, setMember } from "../json-member.ts";
import type { Field, IntegerSchema, ListSchema, MapSchema, ObjectSchema, Schema, ValueOf } from "../schema.ts";
import { zeroCheckOf } from "../zero-check.ts";

type Json = fc.Arbitrary<JsonValue>;

/** Some of these pass most checks. */
const WORDS = [
  "web",
  "a",
  "node-1",
  "example.com",
  "example.com/name",
  "kube-system",
  "10.1.2.3",
  "fd00::1",
  "10.1.0.0/16",
  "25%",
  "100%",
  "80",
  "UPPER",
  "key.name",
  "/var/lib/x",
  "*",
  "",
  "requests.cpu",
  "cpu",
];
const NUMBERS_OR_WORDS = [0, 1, 2, 80, 65535, ...WORDS];
/** Where messages contain themselves, members that need not be there are left out from here on. */
const DEPTH_MAX = 12;
const ITEMS_MAX = 3;

/** An object of the kind, with a name, before defaults. */
export function generateObject<O>(kind: Kind<O>): fc.Arbitrary<O> {
  const names = WORDS.filter((word) => word !== "" && (kind.checkName ?? checkDnsSubdomain)(word).length === 0);
  const identity = fc.record({
    name: fc.constantFrom(...names),
    ...(kind.isNamespaced && { namespace: fc.constantFrom("default", "kube-system") }),
  });
  return fc.tuple(generate(kind.schema, 0), identity).map(([value, names]) => {
    const object = isJsonObject(value) ? value : {};
    const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
    // Made by the schema that O comes from.
    return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...metadata, ...names } } as O;
  });
}

export function generateValue<S extends Schema>(schema: S): fc.Arbitrary<ValueOf<S>> {
  // Made by the schema itself.
  return generate(schema, 0) as fc.Arbitrary<ValueOf<S>>;
}

function generate(schema: Schema, depth: number): Json {
  switch (schema.type) {
    case "string":
      if (schema.values !== undefined) return fc.constantFrom(...schema.values);
      return schema.check === undefined ? text : passing(schema.check, WORDS);
    case "boolean":
      return fc.boolean();
    case "integer":
      return integer(schema);
    case "number":
      return fc
        .double({ noNaN: true, noDefaultInfinity: true, min: schema.min ?? -1e300, max: schema.max ?? 1e300 })
        .map((value) => (value === 0 ? 0 : value));
    case "bytes":
      return fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64"));
    case "time":
      return time.map(([seconds, micros]) => {
        const fraction = String(micros).padStart(6, "0");
        return formatTime(new Date(seconds * 1000), schema.precision, fraction) ?? "";
      });
    case "quantity":
      return quantity;
    case "intOrString":
      return schema.check === undefined ? fc.oneof(fc.integer(), text) : passing(schema.check, NUMBERS_OR_WORDS);
    case "any":
      return fc.jsonValue({ maxDepth: 2 }).map(normalised);
    case "list":
      return list(schema, depth);
    case "map":
      return map(schema, depth);
    case "object":
      return schema === (objectMeta as Schema) ? meta(depth) : object(schema, depth);
    default:
      throw new TypeError(`No such schema: ${JSON.stringify(schema satisfies never)}`);
  }
}

const text = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8, unit: "grapheme" }));
const time = fc.tuple(fc.integer({ min: -62_135_596_799, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999 }));
const quantity = fc
  .tuple(fc.integer({ min: -5000, max: 5000 }), fc.constantFrom("", "n", "m", "k", "M", "Ki", "Gi", "e3"))
  .map(([number, suffix]) => canonicalQuantity(`${number}${suffix}`) ?? "0");

function integer({ bits, min, max }: IntegerSchema): Json {
  const limit = bits === 32 ? 2 ** 31 - 1 : Number.MAX_SAFE_INTEGER;
  const [low, high] = [min ?? -limit, max ?? limit];
  const small = fc.integer({ min: Math.max(low, -100), max: Math.max(low, Math.min(high, 100)) });
  return fc.oneof(
    small,
    fc.maxSafeInteger().map((value) => Math.min(high, Math.max(low, value))),
  );
}

function passing<T extends JsonValue>(check: (value: T) => readonly string[], candidates: readonly JsonValue[]): Json {
  // A check of strings or of numbers is only asked for such.
  const accepted = candidates.filter((candidate) => check(candidate as T).length === 0);
  if (accepted.length === 0) throw new RangeError("Cannot generate a value: none of the candidates passes its check");
  return fc.constantFrom(...accepted);
}

function list(
  { item, merge, minItems = 1, maxItems = Math.max(ITEMS_MAX, minItems) }: ListSchema,
  depth: number,
): Json {
  const identityOf = (value: JsonValue): string => {
    const keys = merge.kind === "map" ? merge.keys : [];
    return JSON.stringify(isJsonObject(value) ? keys.map((key) => value[key]) : value);
  };
  const lengths = { minLength: Math.max(1, minItems), maxLength: Math.min(ITEMS_MAX, maxItems) };
  const items = generate(item, depth + 1);
  return merge.kind === "atomic"
    ? fc.array(items, lengths)
    : fc.uniqueArray(items, { ...lengths, selector: identityOf });
}

function map({ value, checkKey }: MapSchema, depth: number): Json {
  const keys = checkKey === undefined ? text : passing(checkKey, WORDS);
  const entries = fc.array(fc.tuple(keys, generate(value, depth + 1)), { minLength: 1, maxLength: ITEMS_MAX });
  return entries.map((members) => {
    const made: MutableJsonObject = {};
    for (const [key, member] of members) setMember(made, String(key), member);
    return made;
  });
}

/** The messages that the one being made is in. */
const around: ObjectSchema[] = [];

function object(schema: ObjectSchema, depth: number): Json {
  around.push(schema);
  const fields = Object.entries(schema.fields).filter(
    ([name, { number }]) => number !== 0 || (name !== "apiVersion" && name !== "kind"),
  );
  const members = fields.map(([name, field]) => member(field, depth).map((value) => [name, value] as const));
  around.pop();
  return fc.tuple(...members).map((entries) => {
    return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  });
}

function member(field: Field, depth: number): fc.Arbitrary<JsonValue | undefined> {
  const absent = fc.constant(undefined);
  if (field.required !== true && (depth > DEPTH_MAX || isNestedTwice(field.schema))) return absent;
  const isZero = zeroCheckOf(field);
  const value = generate(field.schema, depth + 1).map((made) => (isZero?.(made) === true ? undefined : made));
  if (field.required !== true) return fc.oneof({ weight: 2, arbitrary: absent }, { weight: 1, arbitrary: value });
  return field.schema.type === "string" ? value.filter((made) => made !== "") : value;
}

/** A message that contains itself does so once: what it has in it grows with the power of its depth. */
function isNestedTwice(schema: Schema): boolean {
  if (schema.type === "list") return isNestedTwice(schema.item);
  if (schema.type === "map") return isNestedTwice(schema.value);
  return around.filter((message) => message === schema).length > 1;
}

/** Valid labels and the like, whose rules are not in the schema. */
function meta(depth: number): Json {
  const entries = (values: readonly string[]) =>
    fc
      .array(fc.tuple(fc.constantFrom("app", "example.com/tier", "a"), fc.constantFrom(...values)), {
        minLength: 1,
        maxLength: 3,
      })
      .map((pairs) => Object.fromEntries(pairs));
  const { name: _, generateName: __, namespace: ___, ...rest } = objectMeta.fields;
  const others = object({ ...objectMeta, fields: rest }, depth);
  const checked = fc.record(
    {
      labels: entries(["web", "", "1.2"]),
      annotations: entries(["", "any text, even: {}"]),
      finalizers: fc.constant(["example.com/protect"]),
      generation: fc.integer({ min: 1, max: 1000 }),
    },
    { requiredKeys: [] },
  );
  return fc.tuple(others, checked).map(([made, valid]) => {
    const { labels: _, annotations: __, finalizers: ___, generation: ____, ...kept } = isJsonObject(made) ? made : {};
    return { ...kept, ...valid };
  });
}

/** -0 and null do not come back as they were. */
function normalised(value: unknown): JsonValue {
  // JSON in, JSON out.
  return (value === null ? "null" : JSON.parse(JSON.stringify(value))) as JsonValue;
}
