/** Decoders of kernel messages meet damaged bytes: they answer, or throw DecodeError, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "#base/codec/codec.ts";
import { decodeMessages, type NetlinkMessage, readError } from "../netlink/message.ts";
import { decodeListener } from "../sockdiag/listening.ts";
import { decodeAddress } from "./address.ts";
import { decodeBridgeVlans, encodeVlans } from "./bridge-vlan.ts";
import { decodeEvent } from "./events.ts";
import { decodeFdbEntry } from "./fdb.ts";
import * as golden from "./golden-answers.ts";
import { decodeLink } from "./link.ts";
import { decodeNeighbour } from "./neighbour.ts";
import { decodeRoute } from "./route.ts";
import { decodeRule } from "./rule.ts";

const ROUNDS = 100_000;
/** A failure repeats with the same seed. */
const SEED = 0x5eed;

const vlans = encodeVlans({ ifindex: 7, self: true }, [
  { vid: 1, pvid: true },
  { vid: 100, vidEnd: 110 },
]);
const framed = Buffer.concat(
  [golden.route, golden.neighbour].flatMap((payload) => [frameHeader(24, payload), payload]),
);
const errorPayload = Buffer.concat([
  Buffer.from("edffffff", "hex"), // -19
  frameHeader(16, Buffer.alloc(0)),
  Buffer.from("0a0001006e6f6f6f6f0000000800020010000000", "hex"),
]);
const asMessage = (payload: Buffer): NetlinkMessage => ({ type: 2, flags: 0x300, sequence: 1, portId: 0, payload });

const decoders: readonly { name: string; seeds: readonly Buffer[]; decode: (bytes: Buffer) => unknown }[] = [
  { name: "decodeLink", seeds: [golden.veth, golden.vxlan, golden.bridge], decode: decodeLink },
  { name: "decodeAddress", seeds: [golden.address4, golden.address6], decode: decodeAddress },
  { name: "decodeRoute", seeds: [golden.route, golden.multipathRoute], decode: decodeRoute },
  { name: "decodeNeighbour", seeds: [golden.neighbour], decode: decodeNeighbour },
  { name: "decodeFdbEntry", seeds: [golden.fdbEntry], decode: decodeFdbEntry },
  { name: "decodeRule", seeds: [golden.rule], decode: decodeRule },
  { name: "decodeBridgeVlans", seeds: [vlans], decode: decodeBridgeVlans },
  { name: "decodeListener", seeds: [Buffer.alloc(80, 1)], decode: (bytes) => decodeListener(bytes, "tcp") },
  { name: "decodeEvent", seeds: [golden.veth], decode: (bytes) => decodeEvent({ ...asMessage(bytes), type: 16 }) },
  { name: "decodeMessages", seeds: [framed], decode: decodeMessages },
  { name: "readError", seeds: [errorPayload], decode: (bytes) => readError(asMessage(bytes), "fuzz") },
];

for (const { name, seeds, decode } of decoders) {
  test(`${name} answers or throws DecodeError for ${ROUNDS} damaged messages`, () => {
    const random = xorshift(SEED);
    let answered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = damage(seeds[round % seeds.length] ?? Buffer.alloc(0), random);
      try {
        decode(bytes);
        answered++;
      } catch (error) {
        if (!(error instanceof DecodeError)) assert.fail(`${bytes.toString("hex")}: ${String(error)}`);
      }
    }
    assert.ok(
      answered > 0 && answered < ROUNDS,
      `${answered} of ${ROUNDS} were decoded: the damage is too small or large`,
    );
  });
}

/** One to four changes: a byte set, a length field made absurd, an end cut off. */
function damage(seed: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(seed);
  for (let changes = 1 + (random() % 4); changes > 0; changes--) {
    const at = bytes.length === 0 ? 0 : random() % bytes.length;
    if (random() % 4 === 0) bytes = bytes.subarray(0, at);
    else if (random() % 2 === 0 && at % 4 === 0 && at + 2 <= bytes.length) bytes.writeUInt16LE(random() & 0xffff, at);
    else if (at < bytes.length) bytes[at] = random() & 0xff;
  }
  return bytes;
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function frameHeader(type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(type, 4);
  return header;
}
