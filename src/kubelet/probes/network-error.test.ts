import assert from "node:assert/strict";
import { test } from "node:test";
import { hostPort, networkErrorText } from "./network-error.ts";

const failure = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

for (const [error, text] of [
  [failure("ECONNREFUSED"), "dial tcp [fd00::1]:80: connect: connection refused"],
  [failure("EHOSTUNREACH"), "dial tcp [fd00::1]:80: connect: no route to host"],
  [failure("ESOMETHING"), "connect ESOMETHING"],
  [new Error("socket hang up"), "EOF"],
] as const) {
  test(`networkErrorText: ${text}`, () => assert.equal(networkErrorText(error, hostPort("fd00::1", 80)), text));
}
