/** Every kind of expression survives writing and reading. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError, decode, encode } from "#base/codec/codec.ts";
import { EXPRESSION_KINDS, type Expression, expression, expressionList } from "./expression.ts";

const bytes = Buffer.from([1, 2, 3, 4]);

const SAMPLES: readonly Expression[] = [
  { kind: "meta", key: "mark", dreg: 1 },
  { kind: "meta", key: 99, sreg: 8 },
  { kind: "payload", base: "transport", offset: 2, len: 2, dreg: 9 },
  { kind: "payload", sreg: 1, base: "network", offset: 0, len: 2, csumType: "inet", csumOffset: 10, csumFlags: [] },
  { kind: "cmp", sreg: 1, op: ">=", data: bytes },
  { kind: "range", sreg: 1, op: "!=", from: bytes, to: bytes },
  { kind: "bitwise", sreg: 1, dreg: 1, op: "mask-xor", len: 4, mask: bytes, xor: bytes },
  { kind: "bitwise", sreg: 1, dreg: 1, op: "<<", len: 4, data: bytes },
  { kind: "byteorder", sreg: 1, dreg: 1, op: "hton", len: 4, size: 4 },
  { kind: "lookup", set: "names", sreg: 1, flags: ["inverted"] },
  { kind: "lookup", set: "masq4", sreg: 1, dreg: 0 },
  { kind: "immediate", dreg: 1, data: bytes },
  { kind: "immediate", dreg: 0, data: { verdict: "jump", chain: "subnet" } },
  { kind: "immediate", dreg: 0, data: { verdict: "return" } },
  { kind: "immediate", dreg: 0, data: { verdict: 0x50003 } },
  { kind: "nat", type: "dnat", family: "ip6", addrMin: 1, protoMin: 12, flags: ["random", "persistent"] },
  { kind: "masq", flags: ["fully-random"] },
  { kind: "masq" },
  { kind: "redir", protoMin: 1 },
  { kind: "fib", flags: ["daddr", "iif"], result: "type", dreg: 1 },
  { kind: "ct", key: "ip daddr", direction: "original", dreg: 1 },
  { kind: "ct", key: "mark", sreg: 1 },
  { kind: "counter", bytes: 2 ** 40, packets: 7 },
  { kind: "limit", rate: 10, unit: 60, burst: 5, type: "packets", flags: ["over"] },
  { kind: "log", prefix: "deny: ", group: 5, snaplen: 128, qthreshold: 1 },
  { kind: "log", prefix: "x", level: "warn" },
  { kind: "reject", type: "tcp reset", code: 0 },
  { kind: "numgen", dreg: 1, modulus: 3, type: "random", offset: 1 },
  { kind: "hash", sreg: 1, dreg: 2, len: 4, modulus: 2, seed: 7, offset: 0, type: "jhash" },
  { kind: "objref", type: 1, name: "hits" },
  { kind: "notrack" },
  { kind: "match", name: "comment", rev: 0, info: bytes },
  { kind: "target", name: "MASQUERADE", rev: 0, info: bytes },
  {
    kind: "dynset",
    set: "clients",
    op: "update",
    sregKey: 1,
    timeoutMs: 5000,
    expression: { kind: "counter", packets: 1 },
  },
  {
    kind: "dynset",
    set: "clients",
    op: "add",
    sregKey: 1,
    flags: ["expressions"],
    expressions: [
      { kind: "counter", packets: 1 },
      { kind: "limit", rate: 1, unit: 1 },
    ],
  },
  { kind: "raw", name: "quota", data: Buffer.from([8, 0, 2, 0, 0, 0, 0, 0]) },
];

test("the samples cover every kind", () => {
  assert.deepEqual([...new Set(SAMPLES.map(({ kind }) => kind))].sort(), [...EXPRESSION_KINDS].sort());
});

for (const sample of SAMPLES) {
  test(`expression reads what it wrote: ${JSON.stringify(sample)}`, () => {
    assert.deepEqual(decode(expression, encode(expression, sample)), sample);
  });
}

test("expressionList keeps the order", () => {
  assert.deepEqual(decode(expressionList, encode(expressionList, SAMPLES)), SAMPLES);
});

test("expression refuses an expression without a name, and one without what it needs", () => {
  assert.throws(() => decode(expression, Buffer.alloc(0)), DecodeError);
  const withoutData = encode(expression, { kind: "raw", name: "payload", data: Buffer.alloc(0) });
  assert.throws(() => decode(expression, withoutData), /Cannot decode payload at byte \d+: no attribute "base"/);
});
