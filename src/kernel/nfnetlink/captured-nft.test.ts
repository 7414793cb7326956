/** What `nft` sends reads as what it was asked for, and is written back byte for byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "#base/codec/codec.ts";
import { CAPTURED_CHAINS, CAPTURED_ELEMENTS, CAPTURED_RULES, CAPTURED_SETS, CAPTURED_TABLES } from "./captured-nft.ts";
import { type NftChain, nftChain } from "./chain.ts";
import { nftRule } from "./rule.ts";
import { type NftSet, nftSet } from "./set.ts";
import { nftSetElements } from "./set-element.ts";
import { nftTable } from "./table.ts";

const table = { family: "inet", table: "podwire" } as const;

/** Without the fields that are undefined, and with plain byte arrays: as a literal would be. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, field) =>
      field?.type === "Buffer" ? `0x${Buffer.from(field.data).toString("hex")}` : field,
    ),
  );
}

function bytes(payload: string): Buffer {
  return Buffer.from(payload, "hex");
}

for (const { sentence, payload } of CAPTURED_TABLES) {
  test(`nftTable reads and writes "${sentence}"`, () => {
    const value = decode(nftTable, bytes(payload));
    assert.deepEqual(plain(value), { ...table, flags: [], comment: "owned by podwire" });
    assert.equal(encode(nftTable, value).toString("hex"), payload);
  });
}

const CHAINS: readonly NftChain[] = [
  { ...table, chain: "subnet", comment: "of a subnet" },
  { ...table, chain: "post", base: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" } },
  { ...table, chain: "hostports" },
  { ...table, chain: "pre", base: { type: "nat", hook: "prerouting", priority: -100 } },
  { ...table, chain: "misc" },
];
assert.equal(CHAINS.length, CAPTURED_CHAINS.length);

for (const [index, { sentence, payload }] of CAPTURED_CHAINS.entries()) {
  test(`nftChain reads and writes "${sentence}"`, () => {
    const value = decode(nftChain, bytes(payload));
    assert.deepEqual(plain(value), CHAINS[index]);
    assert.equal(encode(nftChain, value).toString("hex"), payload);
  });
}

const MAP = { flags: ["map"] } as const;
const PORTS = { key: ["inet_proto", "inet_service"], ...MAP } as const;
const SETS: readonly NftSet[] = [
  { ...table, set: "masq4", key: ["ipv4_addr"], data: ["verdict"], ...MAP },
  { ...table, set: "masq6", key: ["ipv6_addr"], data: ["verdict"], ...MAP, comment: "six" },
  { ...table, set: "hostports4", ...PORTS, data: ["ipv4_addr", "inet_service"] },
  { ...table, set: "hostip4", ...PORTS, key: ["ipv4_addr", ...PORTS.key], data: ["ipv4_addr", "inet_service"] },
  { ...table, set: "hostports6", ...PORTS, data: ["ipv6_addr", "inet_service"] },
  { ...table, set: "cidrs", key: ["ipv4_addr"], flags: ["interval"] },
  { ...table, set: "ranges", key: ["ipv4_addr", ...PORTS.key], flags: ["interval", "concat"] },
  {
    ...table,
    set: "clients",
    key: ["ipv4_addr", "inet_service"],
    flags: ["timeout", "dynamic"],
    timeoutMs: 3000,
    size: 65535,
  },
  { ...table, set: "names", key: ["ifname"], flags: [] },
  { ...table, set: "marks", key: ["mark"], flags: [] },
];
assert.equal(SETS.length, CAPTURED_SETS.length);

for (const [index, { sentence, payload }] of CAPTURED_SETS.entries()) {
  // User data is not compared byte for byte: nft repeats there what it can tell from the type.
  test(`nftSet reads "${sentence}" and writes what reads the same`, () => {
    const value = decode(nftSet, bytes(payload));
    assert.deepEqual(plain(value), SETS[index]);
    assert.deepEqual(decode(nftSet, encode(nftSet, value)), value);
  });
}

/** nfgenmsg and two empty strings. */
const EMPTY_NAMES_BYTES = 4 + 8 + 8;
const ELEMENTS: readonly unknown[] = [
  [{ key: "0x0a010005", data: { verdict: "goto", chain: "subnet" }, comment: "pod a" }],
  [{ key: "0x0a010006", data: { verdict: "drop" } }],
  [{ key: "0x060000001f900000", data: "0x0a01000500500000", comment: "pod a" }],
  [{ key: "0x0a0000000600000000500000", keyEnd: "0x0affffff06000000005a0000" }],
  [{ key: "0x0a00000100500000", timeoutMs: 5000 }],
];
assert.equal(ELEMENTS.length, CAPTURED_ELEMENTS.length);

for (const [index, { sentence, payload }] of CAPTURED_ELEMENTS.entries()) {
  test(`nftSetElements reads and writes "${sentence}"`, () => {
    const value = decode(nftSetElements, bytes(payload));
    assert.deepEqual(plain(value.elements), ELEMENTS[index]);
    // nft names the set by its number in the transaction as well; the list itself, at the end, is the same.
    const list = encode(nftSetElements, { ...value, table: "", set: "" }).subarray(EMPTY_NAMES_BYTES);
    assert.ok(payload.endsWith(list.toString("hex")));
  });
}

/** Rules that libnftnl writes in another way that means the same. */
const OTHER_BYTES = new Map([
  ['counter name "hits"', "a name without a NUL"],
  ["notrack", "no data attribute instead of an empty one"],
]);

for (const { sentence, payload } of CAPTURED_RULES) {
  test(`nftRule reads and writes "${sentence}"`, () => {
    const value = decode(nftRule, bytes(payload));
    const written = encode(nftRule, value);
    assert.ok(value.expressions.length > 0);
    assert.deepEqual(decode(nftRule, written), value);
    assert.equal(written.toString("hex") === payload, !OTHER_BYTES.has(sentence));
  });
}

test("nftRule reads every expression that nft sends, apart from those that no rule of ours uses", () => {
  const raw = CAPTURED_RULES.flatMap(({ payload }) => decode(nftRule, bytes(payload)).expressions).filter(
    (expression) => expression.kind === "raw",
  );
  assert.deepEqual(
    raw.map(({ name }) => name),
    ["rt", "exthdr"],
  );
});

test("nftRule reads the expressions of a rule in their order", () => {
  const captured = CAPTURED_RULES.find(({ sentence }) => sentence.startsWith("dnat ip to ip daddr . meta l4proto"));
  const value = decode(nftRule, bytes(captured?.payload ?? ""));
  assert.deepEqual(plain(value.expressions), [
    { kind: "meta", key: "nfproto", dreg: 1 },
    { kind: "cmp", sreg: 1, op: "==", data: "0x02" },
    { kind: "payload", dreg: 1, base: "network", offset: 16, len: 4 },
    { kind: "meta", key: "l4proto", dreg: 9 },
    { kind: "payload", dreg: 10, base: "transport", offset: 2, len: 2 },
    { kind: "lookup", sreg: 1, dreg: 1, set: "hostip4", setId: 4 },
    { kind: "nat", type: "dnat", family: "ip", addrMin: 1, protoMin: 9 },
  ]);
});
