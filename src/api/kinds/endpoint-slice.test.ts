import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { endpointSlice } from "./endpoint-slice.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const cells: readonly (readonly [JsonObject, string, string])[] = [
  [{}, "<unset>", "<unset>"],
  [{ ports: [{ port: 80 }, { name: "web" }, { name: "" }], endpoints: [] }, "80,web,", "<unset>"],
  [
    {
      ports: [80, 81, 82, 83].map((port) => ({ name: `p${port}`, port })),
      endpoints: [{ addresses: ["10.0.0.1", "10.0.0.2"] }, { addresses: ["10.0.0.3"] }, { addresses: ["10.0.0.4"] }],
    },
    "80,81,82 + 1 more...",
    "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...",
  ],
];

for (const [members, ports, endpoints] of cells) {
  test(`endpointSlice shows ports ${ports} and endpoints ${endpoints}`, () => {
    assert.deepEqual(cellsOf(endpointSlice, createObject(endpointSlice, { addressType: "IPv4", ...members })), {
      NAME: "web",
      ADDRESSTYPE: "IPv4",
      PORTS: ports,
      ENDPOINTS: endpoints,
      AGE: "60m",
    });
  });
}

test("endpointSlice gets Kubernetes' defaults", () => {
  const slice = createObject(endpointSlice, {
    addressType: "IPv4",
    ports: [{ port: 80 }],
    endpoints: [{ addresses: ["10.0.0.1"] }],
  });
  assert.deepEqual(slice.ports, [{ name: "", port: 80, protocol: "TCP" }]);
  assert.deepEqual(slice.endpoints, [{ addresses: ["10.0.0.1"], conditions: {} }]);
});

const problems: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ addressType: "IPv6", endpoints: [{ addresses: ["2001:db8::1"], hints: { forZones: [{ name: "a" }] } }] }, []],
  [{ addressType: "FQDN", endpoints: [{ addresses: ["www.example.com"] }] }, []],
  [{}, ["addressType: Required value"]],
  [{ addressType: "IP" }, ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"']],
  [
    { addressType: "IPv4", endpoints: [{ addresses: [] }] },
    ["endpoints[0].addresses: Required value: must contain at least 1 address"],
  ],
  [
    { addressType: "IPv4", endpoints: [{ addresses: ["2001:db8::1"] }, { addresses: ["127.0.0.1"] }] },
    [
      'endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be a valid IPv4 address',
      'endpoints[1].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  ],
  [{ addressType: "IPv4", ports: [{ port: 80 }, { port: 81 }] }, ['ports[1].name: Duplicate value: ""']],
  [
    { addressType: "IPv4", ports: [{ name: "web", protocol: "HTTP" }] },
    ['ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    { addressType: "IPv4", endpoints: Array.from({ length: 1001 }, () => ({ addresses: ["10.0.0.1"] })) },
    ["endpoints: Too many: 1001: must have at most 1000 items"],
  ],
  [
    { addressType: "IPv4", ports: Array.from({ length: 101 }, (_, port) => ({ name: `p${port}`, port })) },
    ["ports: Too many: 101: must have at most 100 items"],
  ],
  [
    {
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{ name: "a" }, { name: "a" }] } }],
    },
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
  ],
];

for (const [members, texts] of problems) {
  test(`endpointSlice validation gives ${texts.join(", ") || "no problem"}`, () => {
    assert.deepEqual(problemsOfCreate(endpointSlice, members), texts);
  });
}

test("endpointSlice's address type cannot change", () => {
  const old = createObject(endpointSlice, { addressType: "IPv4" });
  assert.deepEqual(problemsOfUpdate(endpointSlice, old, { addressType: "IPv6" }), [
    'addressType: Invalid value: "IPv6": field is immutable',
  ]);
});
