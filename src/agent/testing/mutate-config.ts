/**
 * Damages configurations as no person would: values of other types and sizes, keys of other objects and of JavaScript's
 * own, lists of a hundred, text that is no JSON. The same seed gives the same damage.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "#base/json.ts";

export interface Mutator {
  /** 0 ≤ result < bound */
  below(bound: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** A damaged copy: one to four changes. */
  mutate(config: JsonObject): JsonObject;
  /** Damaged text. */
  garble(text: string): Buffer;
}

const JUNK: readonly [JsonValue, ...JsonValue[]] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  68,
  4094,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 63),
  1e308,
  "",
  " ",
  "x",
  "0",
  "1500",
  "true",
  "../..",
  "a/b",
  "\u0000",
  "💥".repeat(40),
  "a".repeat(5_000),
  "10.1.0.5",
  "10.1.0.0/29",
  "10.1.0.5/33",
  "0.0.0.0/0",
  "255.255.255.255/32",
  "10.1.0.0/0",
  "fd00::5/64",
  "::ffff:10.1.0.5",
  "fe80::1%eth0",
  "ff02::1/8",
  "::/0",
  "02:00:00:00:00:01",
  "ff:ff:ff:ff:ff:ff",
  "tcp",
  "host-local",
  "bridge",
  "ptp",
  "flannel",
  "portmap",
  "__proto__",
  [],
  {},
  [[]],
  [null],
  [{}],
  [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]],
  { toString: 1, valueOf: null, length: -1 },
];

const KEYS: readonly [string, ...string[]] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "then",
  "length",
  "",
  "\u0000",
  "name",
  "type",
  "cniVersion",
  "prevResult",
  "runtimeConfig",
  "args",
  "capabilities",
  "mtu",
  "vlan",
  "vlanTrunk",
  "mac",
  "portMappings",
  "ipRanges",
  "ips",
  "routes",
  "dns",
  "ranges",
  "gateway",
  "subnet",
  "rangeStart",
  "rangeEnd",
  "addresses",
  "interfaces",
  "interface",
  "sandbox",
  "delegate",
  "snat",
  "masqAll",
  "cni.dev/valid-attachments",
];

const DEEP = 20_000;
const MAX_REPEATS = 100;

/** Where a value hangs in its parent. */
interface Place {
  readonly parent: Record<string, unknown> | unknown[];
  readonly key: string;
}

export function createMutator(seed: number): Mutator {
  const random = mulberry32(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const pick = <T>(choices: readonly [T, ...T[]]): T => choices[below(choices.length)] ?? choices[0];

  function change(root: Record<string, unknown>): void {
    const places = placesOf(root);
    const place = places[below(places.length)];
    if (place === undefined) return;
    const value = Reflect.get(place.parent, place.key);
    const junk: unknown = structuredClone(pick(JUNK));
    switch (below(8)) {
      case 2:
        Reflect.deleteProperty(place.parent, place.key);
        break;
      case 3: {
        const other = places[below(places.length)] ?? place;
        set(place, structuredClone(Reflect.get(other.parent, other.key)));
        break;
      }
      case 4:
        set({ parent: place.parent, key: pick(KEYS) }, junk);
        break;
      case 5:
        set(place, Array.isArray(value) ? Array.from({ length: below(MAX_REPEATS) }, () => value).flat() : [value]);
        break;
      case 6:
        if (typeof value === "number") set(place, pick([value + 1, value - 1, -value, value * 1e6, value / 3]));
        else set(place, typeof value === "string" ? twist(value) : junk);
        break;
      case 7:
        set({ parent: root, key: pick(KEYS) }, junk);
        break;
      default:
        set(place, junk);
    }
  }

  function twist(text: string): string {
    const at = below(text.length + 1);
    return pick([
      text.slice(0, at),
      text.slice(at),
      text.slice(0, at) + pick(["\u0000", "ü", " ", "/", ":", ".", "9", "-", "\n", "\u202e"]) + text.slice(at),
      text.toUpperCase(),
      text + text,
    ]);
  }

  return {
    below,
    pick,
    mutate(config) {
      const copy: Record<string, unknown> = structuredClone(config);
      for (let count = 1 + below(4); count > 0; count--) change(copy);
      // Made of JSON values alone; a clone of JSON text also turns what has no JSON into null.
      return JSON.parse(JSON.stringify(copy)) as JsonObject;
    },
    garble(text) {
      const at = below(text.length);
      return pick([
        () => Buffer.from(text.slice(0, at)),
        () => Buffer.from(`\uFEFF${text}`),
        () => Buffer.from(text.slice(0, at) + text.slice(at + 1)),
        () => Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.of(below(256)), Buffer.from(text.slice(at))]),
        () => Buffer.from("[".repeat(DEEP)),
        () => Buffer.from(`{"name":"net","ipam":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`),
        () => Buffer.from(text.replaceAll(/\d+/g, "1e999")),
        () => Buffer.from(`[${text}]`),
        () => Buffer.from(JSON.stringify(text)),
        () => Buffer.alloc(at),
      ])();
    },
  };
}

/** Own property, also under names that assignment gives another meaning. */
function set({ parent, key }: Place, value: unknown): void {
  if (Array.isArray(parent)) parent.splice(Number(key) || 0, 1, value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

function placesOf(parent: Place["parent"]): readonly Place[] {
  return Object.entries(parent).flatMap(([key, value]) => {
    const inner = Array.isArray(value) || isJsonObject(value) ? placesOf(value as Place["parent"]) : [];
    return [{ parent, key }, ...inner];
  });
}

/** A small generator with 32 bits of state, good enough to choose damage. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
