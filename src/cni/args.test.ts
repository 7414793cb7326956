import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "#base/ip-address.ts";
import { parseMacAddress } from "#base/mac-address.ts";
import { parseArgs } from "./args.ts";
import { CNI_ERROR_CODES } from "./cni-error.ts";

const parsers = { IP: parseAddress, GATEWAY: parseAddress, MAC: parseMacAddress, NOTE: String };

const ACCEPTED = [
  ["", {}],
  ["IP=10.0.0.5", { IP: "10.0.0.5" }],
  ["IP=FD00::5;GATEWAY=fd00::1", { IP: "fd00::5", GATEWAY: "fd00::1" }],
  ["IP=10.0.0.5;IP=10.0.0.6", { IP: "10.0.0.6" }],
  ["MAC=0A:00:00:00:00:01", { MAC: "0a:00:00:00:00:01" }],
  ["NOTE=", { NOTE: "" }],
  ["IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.0.0.5", { IP: "10.0.0.5" }],
  ["K8S_POD_NAME=x;IgnoreUnknown=TRUE", {}],
  ["IgnoreUnknown=true;ip=bad", {}],
  ["IgnoreUnknown=false", {}],
] as const;

for (const [args, expected] of ACCEPTED) {
  test(`parseArgs reads ${JSON.stringify(args)}`, () => {
    assert.deepEqual(parseArgs(args, parsers), expected);
  });
}

const REFUSED = [
  ["IP", 'ARGS: invalid pair "IP"'],
  ["IP=10.0.0.5;", 'ARGS: invalid pair ""'],
  ["IP=1=2", 'ARGS: invalid pair "IP=1=2"'],
  ["K8S_POD_NAME=x", 'ARGS: unknown args ["K8S_POD_NAME=x"]'],
  ["A=1;IP=10.0.0.5;B=2", 'ARGS: unknown args ["A=1" "B=2"]'],
  ["IgnoreUnknown=0;A=1", 'ARGS: unknown args ["A=1"]'],
  ["ip=10.0.0.5", 'ARGS: unknown args ["ip=10.0.0.5"]'],
  ["constructor=1", 'ARGS: unknown args ["constructor=1"]'],
  [
    "IP=10.0.0",
    'ARGS: error parsing value of pair "IP=10.0.0": Cannot read address "10.0.0": it is neither IPv4 nor IPv6',
  ],
  [
    "IgnoreUnknown=Yes",
    'ARGS: error parsing value of pair "IgnoreUnknown=Yes": boolean unmarshal error: invalid input yes',
  ],
] as const;

for (const [args, message] of REFUSED) {
  test(`parseArgs refuses ${JSON.stringify(args)}`, () => {
    assert.throws(() => parseArgs(args, parsers), { code: CNI_ERROR_CODES.invalidEnvironment, message });
  });
}
