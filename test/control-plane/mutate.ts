/** Damage to JSON values and to bytes: what broken, old, careless and malicious clients send. */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type { Random } from "./random.ts";

const LONG = "x".repeat(300);

/** Values that are wrong in most places, each in its own way. */
const JUNK: readonly JsonValue[] = [
  null,
  true,
  "",
  " ",
  "None",
  "UPPER_case",
  "ünïcödé\u0000\ud83d\ude00",
  LONG,
  "../..",
  "300.1.2.3",
  "10.0.0.0/33",
  "fd00::/129",
  "-1",
  "1e400",
  "{{}}",
  "=,!()",
  "2024-13-45T99:99:99Z",
  0,
  -1,
  1.5,
  65_536,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  [],
  [null],
  [[]],
  {},
  { "": "" },
  { a: { b: { c: null } } },
  { $patch: "delete" },
  { $patch: "bogus" },
  { "$setElementOrder/containers": [{ name: "x" }] },
  { $retainKeys: ["a"] },
  { "$deleteFromPrimitiveList/finalizers": ["a"] },
];

const NAMES: readonly string[] = [
  "bogus",
  "__proto__",
  "constructor",
  "toString",
  "$patch",
  "$setElementOrder/ports",
  "metadata",
  "spec",
  "status",
  "apiVersion",
  "kind",
  "",
  "a/b",
  "~1",
  "k:{}",
];

/** One change somewhere in the value. */
export function mutateJson(value: JsonValue, random: Random): JsonValue {
  // Most changes are below the top.
  if (Array.isArray(value)) return mutateList(value, random);
  if (isJsonObject(value)) {
    const names = Object.keys(value);
    if (names.length === 0 || random.chance(0.1)) return withMember(value, random.pick(NAMES), junk(value, random));
    const name = random.pick(names);
    const member = value[name] ?? null;
    if (random.chance(0.1)) return withMember(value, name, undefined);
    if (random.chance(0.05)) return withMember(value, random.pick(NAMES), member);
    return withMember(value, name, random.chance(0.15) ? junk(member, random) : mutateJson(member, random));
  }
  return junk(value, random);
}

function mutateList(items: readonly JsonValue[], random: Random): JsonValue {
  const index = random.below(items.length + 1);
  const item = items[index];
  if (item === undefined || random.chance(0.15))
    return [...items.slice(0, index), junk(null, random), ...items.slice(index)];
  if (random.chance(0.2)) return [...items.slice(0, index), ...items.slice(index + 1)];
  if (random.chance(0.2)) return [...items, item];
  return items.map((one, at) => (at === index ? mutateJson(one, random) : one));
}

function junk(old: JsonValue, random: Random): JsonValue {
  if (typeof old === "string" && random.chance(0.3)) return mutateBytes(Buffer.from(old), random).toString();
  if (random.chance(0.02)) return nested(random.below(1500));
  return random.pick(JUNK);
}

function nested(depth: number): JsonValue {
  let value: JsonValue = {};
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Members are defined, not assigned: "__proto__" is a name like any other here. */
function withMember(
  object: { readonly [name: string]: JsonValue | undefined },
  name: string,
  value: JsonValue | undefined,
) {
  const entries = Object.entries(object).filter(([other]) => other !== name);
  return Object.fromEntries(value === undefined ? entries : [...entries, [name, value]]);
}

const PIECES: readonly Buffer[] = [
  "\0",
  "{",
  "}",
  "[",
  "]",
  '"',
  "\\",
  ",",
  ":",
  "\n",
  "k8s\0",
  "\xff",
  "&a [*a]",
  "null",
].map((text) => Buffer.from(text, "latin1"));

/** One change somewhere in the bytes. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const end = at + random.below(Math.min(20, bytes.length - at + 1));
  const [before, inside, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (random.below(5)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, inside, inside, after]);
    case 2:
      return Buffer.concat([before, random.pick(PIECES), inside, after]);
    case 3:
      return before;
    default: {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = random.below(256);
      return changed;
    }
  }
}
