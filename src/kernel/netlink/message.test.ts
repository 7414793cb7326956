import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "#base/codec/codec.ts";
import { KernelError } from "../kernel-error.ts";
import {
  decodeMessages,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readError,
} from "./message.ts";

test("encodeMessage and decodeMessages agree on header, padding and several messages", () => {
  const one = encodeMessage({ type: 18, payload: Buffer.from("abcde") }, NLM_F_REQUEST | NLM_F_ACK, 7);
  // nlmsg_len 21 without padding, type 18, flags 5, sequence 7, port 0. Little-endian machine.
  assert.equal(one.toString("hex"), "15000000120005000700000000000000" + "6162636465000000");
  const two = encodeMessage({ type: 20, payload: Buffer.alloc(0) }, 0, 8);
  const messages = decodeMessages(Buffer.concat([one, two]));
  assert.deepEqual(
    messages.map(({ type, flags, sequence, payload }) => [type, flags, sequence, payload.toString()]),
    [
      [18, 5, 7, "abcde"],
      [20, 0, 8, ""],
    ],
  );
});

for (const [reason, hex] of [
  ["below the header", "0f000000120005000700000000000000"],
  ["beyond the datagram", "11000000120005000700000000000000"],
] as const) {
  test(`decodeMessages throws DecodeError for a length ${reason}`, () => {
    assert.throws(() => decodeMessages(Buffer.from(hex, "hex")), DecodeError);
  });
}

const message = (type: number, flags: number, hex: string) => ({
  type,
  flags,
  sequence: 1,
  portId: 0,
  payload: Buffer.from(hex, "hex"),
});

test("readError is undefined for acknowledgements", () => {
  assert.equal(readError(message(NLMSG_ERROR, 0x100, `00000000${"00".repeat(16)}`), "x"), undefined);
  assert.equal(readError(message(NLMSG_DONE, 2, "00000000"), "x"), undefined);
  assert.equal(readError(message(NLMSG_DONE, 2, ""), "x"), undefined);
});

/** NLMSGERR_ATTR_MSG "nope", NLMSGERR_ATTR_OFFS 36. */
const details = "090001006e6f7065000000000800020024000000";
const requestHeader = "24000000100005000100000000000000";

const refusals = [
  { name: "a short acknowledgement", type: NLMSG_ERROR, flags: 0x300, hex: `efffffff${requestHeader}${details}` },
  {
    name: "an acknowledgement with the whole request",
    type: NLMSG_ERROR,
    flags: 0x200,
    hex: `efffffff${requestHeader}${"00".repeat(20)}${details}`,
  },
  { name: "the end of a dump", type: NLMSG_DONE, flags: 0x202, hex: `efffffff${details}` },
];
for (const { name, type, flags, hex } of refusals) {
  test(`readError finds errno, text and offset in ${name}`, () => {
    const error = readError(message(type, flags, hex), 'link add "v0"');
    assert.ok(error instanceof KernelError);
    assert.deepEqual([error.errno, error.code, error.extack, error.offset], [17, "EEXIST", "nope", 36]);
    assert.equal(error.message, 'Cannot link add "v0": file already exists (nope)');
  });
}

test("readError copes without details and with errno values that Node does not know", () => {
  const plain = readError(message(NLMSG_ERROR, 0x100, `efffffff${requestHeader}`), "x");
  assert.deepEqual([plain?.code, plain?.extack, plain?.offset], ["EEXIST", "", undefined]);
  assert.equal(readError(message(NLMSG_ERROR, 0x100, `f4fdffff${requestHeader}`), "x")?.errno, 524); // ENOTSUPP
});

test("readError throws DecodeError when the errno is cut off", () => {
  assert.throws(() => readError(message(NLMSG_ERROR, 0, "efff"), "x"), DecodeError);
});
