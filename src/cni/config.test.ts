import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePrefix } from "#base/ip-address.ts";
import type { JsonObject, JsonValue } from "#base/json.ts";
import { ipAddress, ipPrefix, macAddress } from "./address-readers.ts";
import { CNI_ERROR_CODES, CniError } from "./cni-error.ts";
import {
  anything,
  choice,
  fields,
  flag,
  integer,
  jsonObject,
  list,
  mapOf,
  optional,
  readFields,
  text,
  unlessEmpty,
  unsupportedValue,
  type ValueOf,
} from "./config.ts";

/** A plugin's configuration with every kind of key. */
const bridge = fields({
  bridge: optional(text, "cni0"),
  isGateway: optional(flag, false),
  mtu: optional(integer({ min: 0, max: 65535 }), 0),
  ingressPolicy: optional(choice(["open", "same-bridge"]), "open"),
  vlanTrunk: optional(list(fields({ minID: integer({ min: 0, max: 4094 }), id: optional(integer()) })), []),
  ipam: fields({ type: optional(text, ""), subnet: optional(ipPrefix), gateway: optional(unlessEmpty(ipAddress)) }),
  sysctl: optional(mapOf(text), new Map<string, string>()),
  mac: optional(macAddress),
  args: optional(jsonObject),
  extra: anything,
});

const DEFAULTS: ValueOf<typeof bridge> = {
  bridge: "cni0",
  isGateway: false,
  mtu: 0,
  ingressPolicy: "open",
  vlanTrunk: [],
  ipam: { type: "", subnet: undefined, gateway: undefined },
  sysctl: new Map(),
  mac: undefined,
  args: undefined,
  extra: undefined,
};

test("readFields gives the defaults for an empty configuration", () => {
  assert.deepEqual(readFields(bridge, {}), DEFAULTS);
});

test("readFields takes null for missing and ignores unknown keys", () => {
  assert.deepEqual(readFields(bridge, { bridge: null, mtu: null, ipam: null, other: [1], mac: null }), DEFAULTS);
});

test("readFields reads every kind of value, keys in any case", () => {
  const json: JsonObject = {
    BRIDGE: "br0",
    isgateway: true,
    MTU: 1400,
    ingressPolicy: "same-bridge",
    vlanTrunk: [{ MinID: 5 }, { minID: 6, id: 7 }],
    IPAM: { Type: "host-local", SubNet: "10.1.0.5/16", gateway: "" },
    sysctl: { "net.core.somaxconn": "500" },
    mac: "0A:00:00:00:00:01",
    args: { cni: {} },
    extra: [1, null],
  };
  assert.deepEqual(readFields(bridge, json), {
    bridge: "br0",
    isGateway: true,
    mtu: 1400,
    ingressPolicy: "same-bridge",
    vlanTrunk: [
      { minID: 5, id: undefined },
      { minID: 6, id: 7 },
    ],
    ipam: { type: "host-local", subnet: parsePrefix("10.1.0.5/16"), gateway: undefined },
    sysctl: new Map([["net.core.somaxconn", "500"]]),
    mac: "0a:00:00:00:00:01",
    args: { cni: {} },
    extra: [1, null],
  });
});

const REFUSALS: readonly { json: JsonObject; code: keyof typeof CNI_ERROR_CODES; message: string; details: string }[] =
  [
    {
      json: { bridge: 5 },
      code: "decodingFailure",
      message: 'Cannot read "bridge" with value 5: it is not a string',
      details: "bridge=5",
    },
    {
      json: { isGateway: "true" },
      code: "decodingFailure",
      message: 'Cannot read "isGateway" with value "true": it is not true or false',
      details: 'isGateway="true"',
    },
    {
      json: { mtu: 1.5 },
      code: "decodingFailure",
      message: 'Cannot read "mtu" with value 1.5: it is not a whole number',
      details: "mtu=1.5",
    },
    {
      json: { mtu: 65536 },
      code: "invalidConfig",
      message: 'Cannot read "mtu" with value 65536: it is not in 0..65535',
      details: "mtu=65536",
    },
    {
      json: { ingressPolicy: "closed" },
      code: "invalidConfig",
      message: 'Cannot read "ingressPolicy" with value "closed": it is none of "open", "same-bridge"',
      details: 'ingressPolicy="closed"',
    },
    {
      json: { vlanTrunk: {} },
      code: "decodingFailure",
      message: 'Cannot read "vlanTrunk" with value {}: it is not a list',
      details: "vlanTrunk={}",
    },
    {
      json: { vlanTrunk: [{ minID: 1 }, { id: 4 }] },
      code: "invalidConfig",
      message: 'Cannot read "vlanTrunk[1].minID": it is missing',
      details: "",
    },
    {
      json: { vlanTrunk: [null] },
      code: "invalidConfig",
      message: 'Cannot read "vlanTrunk[0].minID": it is missing',
      details: "",
    },
    {
      json: { ipam: [] },
      code: "decodingFailure",
      message: 'Cannot read "ipam" with value []: it is not an object',
      details: "ipam=[]",
    },
    {
      json: { ipam: { subnet: "10.1" } },
      code: "invalidConfig",
      message:
        'Cannot read "ipam.subnet" with value "10.1": ' +
        'Cannot read prefix "10.1": it is not an address with a length, such as 10.1.0.0/16 or fd00::/64',
      details: 'ipam.subnet="10.1"',
    },
    {
      json: { sysctl: { "net.core.somaxconn": 5 } },
      code: "decodingFailure",
      message: 'Cannot read "sysctl[\\"net.core.somaxconn\\"]" with value 5: it is not a string',
      details: 'sysctl["net.core.somaxconn"]=5',
    },
    {
      json: { bridge: ["x".repeat(100)] },
      code: "decodingFailure",
      message: `Cannot read "bridge" with value ["${"x".repeat(77)}…: it is not a string`,
      details: `bridge=["${"x".repeat(77)}…`,
    },
  ];

for (const { json, code, message, details } of REFUSALS) {
  test(`readFields refuses ${JSON.stringify(json).slice(0, 60)}`, () => {
    assert.throws(() => readFields(bridge, json), { name: "CniError", code: CNI_ERROR_CODES[code], message, details });
  });
}

test("integer without bounds refuses what a double cannot hold exactly", () => {
  assert.throws(() => integer().read(2 ** 53, "rate"), { code: CNI_ERROR_CODES.invalidConfig });
});

test("unsupportedValue is error 2 and names key and value", () => {
  const error = unsupportedValue("vlan", 5, "the kernel has no VLAN filter");
  assert.equal(error.code, CNI_ERROR_CODES.unsupportedField);
  assert.equal(error.message, 'Cannot read "vlan" with value 5: the kernel has no VLAN filter');
  assert.equal(error.details, "vlan=5");
});

test("readFields of any JSON gives values or a CniError", () => {
  const key = fc.constantFrom("bridge", "MTU", "vlanTrunk", "ipam", "sysctl", "mac", "isGateway", "ingressPolicy");
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.record({ minID: fc.jsonValue({ maxDepth: 2 }), subnet: fc.jsonValue({ maxDepth: 2 }) }),
    fc.array(fc.record({ minID: fc.integer() })),
  );
  fc.assert(
    fc.property(fc.dictionary(key, value), (json) => {
      try {
        // What fast-check makes here is JSON.
        readFields(bridge, json as { [key: string]: JsonValue });
      } catch (error) {
        assert.ok(error instanceof CniError);
      }
    }),
    { numRuns: 10_000 },
  );
});
