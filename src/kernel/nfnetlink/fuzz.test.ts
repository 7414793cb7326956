/** Whatever bytes come in, a decoder answers a value or throws DecodeError, and it ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Codec, DecodeError, decode, encode } from "#base/codec/codec.ts";
import { parseAddress } from "#base/ip-address.ts";
import {
  CAPTURED_CHAINS,
  CAPTURED_ELEMENTS,
  CAPTURED_RULES,
  CAPTURED_SETS,
  CAPTURED_TABLES,
  type Captured,
} from "./captured-nft.ts";
import { nftChain } from "./chain.ts";
import { conntrackEntry } from "./conntrack-message.ts";
import { header } from "./nfnetlink.ts";
import { generationMessage } from "./nft-query.ts";
import { nftRule } from "./rule.ts";
import { nftSet } from "./set.ts";
import { nftSetElements } from "./set-element.ts";
import { nftTable } from "./table.ts";
import { readChange } from "./watch-nft.ts";

const ROUNDS = 100_000;

function payloads(captured: readonly Captured[]): readonly Buffer[] {
  return captured.map(({ payload }) => Buffer.from(payload, "hex"));
}

const tuple = {
  source: parseAddress("10.0.0.1"),
  destination: parseAddress("10.0.0.2"),
  protocol: "tcp",
  sourcePort: 1,
  destinationPort: 2,
} as const;
const connection = encode(conntrackEntry, {
  original: tuple,
  reply: tuple,
  status: ["assured"],
  tcpState: "established",
  originalCounters: { packets: 1, bytes: 2 },
  mark: 1,
  zone: 2,
  id: 3,
  timeoutSeconds: 4,
});
const generation = encode(generationMessage, { ...header("unspec"), generation: 7, pid: 8, processName: "nft" });

/** A deterministic source of numbers (mulberry32), so that a failure can be repeated. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Some bytes changed, or cut, or with a piece of themselves repeated, or random altogether. */
function mutate(original: Buffer, random: (below: number) => number): Buffer {
  const kind = random(10);
  if (kind === 0) return Buffer.from(Array.from({ length: random(80) }, () => random(256)));
  const bytes = Buffer.from(original);
  for (let changes = random(6) + 1; changes > 0; changes--) bytes[random(bytes.length)] = random(256);
  if (kind === 1) return bytes.subarray(0, random(bytes.length));
  if (kind === 2) return Buffer.concat([bytes, bytes.subarray(random(bytes.length))]);
  return bytes;
}

function decoder<T>(codec: Codec<T>): (bytes: Buffer) => unknown {
  return (bytes) => decode(codec, bytes);
}

const DECODERS: readonly (readonly [string, (bytes: Buffer) => unknown, readonly Buffer[]])[] = [
  ["nftTable", decoder(nftTable), payloads(CAPTURED_TABLES)],
  ["nftChain", decoder(nftChain), payloads(CAPTURED_CHAINS)],
  ["nftRule", decoder(nftRule), payloads(CAPTURED_RULES)],
  ["nftSet", decoder(nftSet), payloads(CAPTURED_SETS)],
  ["nftSetElements", decoder(nftSetElements), payloads(CAPTURED_ELEMENTS)],
  ["generationMessage", decoder(generationMessage), [generation]],
  ["conntrackEntry", decoder(conntrackEntry), [connection]],
  [
    "readChange",
    (payload) => readChange({ type: 0xa00 | ((payload[payload.length - 1] ?? 0) % 25), payload }),
    payloads(CAPTURED_RULES),
  ],
];

for (const [name, read, originals] of DECODERS) {
  test(`${name} throws nothing but DecodeError for ${ROUNDS} mutated messages`, () => {
    const random = randomNumbers(name.length);
    let values = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(originals[random(originals.length)] ?? Buffer.alloc(0), random);
      try {
        read(bytes);
        values += 1;
      } catch (error) {
        if (!(error instanceof DecodeError)) {
          throw new Error(`${name} failed on ${bytes.toString("hex")}`, { cause: error });
        }
      }
    }
    assert.ok(values > ROUNDS / 100, `only ${values} messages were still readable: the mutation is too coarse`);
    assert.ok(values < ROUNDS, "every message was readable: nothing was tested");
  });
}
