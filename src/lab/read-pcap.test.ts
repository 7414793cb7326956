import assert from "node:assert/strict";
import { test } from "node:test";
import { readPcap } from "./read-pcap.ts";

/** Magic, version 2.4, zone, accuracy, longest packet, Ethernet. */
const HEADER = Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");

function record(frame: string): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(frame.length, 8);
  head.writeUInt32LE(frame.length, 12);
  return Buffer.concat([head, Buffer.from(frame)]);
}

test("readPcap gives the frames in order", () => {
  const frames = readPcap(Buffer.concat([HEADER, record("one"), record(""), record("three")]));
  assert.deepEqual(frames.map(String), ["one", "", "three"]);
});

test("readPcap leaves out a frame that was cut off, wherever", () => {
  const whole = Buffer.concat([HEADER, record("one"), record("two")]);
  const first = HEADER.length + record("one").length;
  for (let length = HEADER.length; length < whole.length; length++) {
    const frames = readPcap(whole.subarray(0, length));
    assert.deepEqual(frames.map(String), length < first ? [] : ["one"]);
  }
});

test("readPcap refuses other files, and links that are no Ethernet", () => {
  assert.throws(() => readPcap(Buffer.alloc(0)), /no capture file/);
  assert.throws(() => readPcap(Buffer.alloc(24)), /no capture file/);
  const raw = Buffer.from(HEADER);
  raw.writeUInt32LE(101, 20);
  assert.throws(() => readPcap(raw), /Ethernet/);
});
