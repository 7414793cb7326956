import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPortName, portNumberOrName } from "./port.ts";

const CHARACTERS = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
const LETTER = "must contain at least one letter (a-z)";

const names: readonly (readonly [string, readonly string[]])[] = [
  ["http", []],
  ["h2-c", []],
  ["0a", []],
  ["a2345678901234b", []],
  ["a2345678901234bc", ["must be no more than 15 characters"]],
  ["", [CHARACTERS, LETTER]],
  ["Http", [CHARACTERS]],
  ["8080", [LETTER]],
  ["a--b", ["must not contain consecutive hyphens"]],
  ["-a", ["must not begin or end with a hyphen"]],
  ["a-", ["must not begin or end with a hyphen"]],
];

for (const [name, problems] of names) {
  test(`checkPortName says what is wrong with ${JSON.stringify(name)}`, () => {
    assert.deepEqual(checkPortName(name), problems);
  });
}

const ports: readonly (readonly [number | string, readonly string[]])[] = [
  [1, []],
  [65535, []],
  [0, ["must be between 1 and 65535, inclusive"]],
  [65536, ["must be between 1 and 65535, inclusive"]],
  ["http", []],
  ["80", [LETTER]],
];

for (const [port, problems] of ports) {
  test(`portNumberOrName says what is wrong with ${JSON.stringify(port)}`, () => {
    assert.deepEqual(portNumberOrName.check?.(port), problems);
  });
}
