import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonValue } from "#base/json.ts";
import { endpoints } from "./endpoints.ts";
import { cellsOf, createObject, problemsOfCreate, problemsOfUpdate } from "./testing/create-object.ts";

const addresses = (...ips: readonly string[]) => ips.map((ip) => ({ ip }));
const ports = (...numbers: readonly number[]) => numbers.map((port) => ({ name: `p${port}`, port }));

const cells: readonly (readonly [readonly JsonValue[], string])[] = [
  [[], "<none>"],
  [[{ notReadyAddresses: addresses("10.0.0.1"), ports: ports(80) }], ""],
  [[{ addresses: addresses("10.0.0.1"), ports: ports(80) }], "10.0.0.1:80"],
  [[{ addresses: addresses("10.0.0.1", "10.0.0.2") }], "10.0.0.1,10.0.0.2"],
  [[{ addresses: addresses("2001:db8::1"), ports: ports(80) }], "[2001:db8::1]:80"],
  [
    [{ addresses: addresses("10.0.0.1", "10.0.0.2"), ports: ports(80, 443) }],
    "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more...",
  ],
  [
    [
      { addresses: addresses("10.0.0.1"), ports: ports(80) },
      { addresses: addresses("10.0.0.2", "10.0.0.3", "10.0.0.4"), ports: ports(81) },
    ],
    "10.0.0.1:80,10.0.0.2:81,10.0.0.3:81 + 1 more...",
  ],
];

for (const [subsets, text] of cells) {
  test(`endpoints shows ${JSON.stringify(text)} for ${JSON.stringify(subsets)}`, () => {
    const object = createObject(endpoints, { subsets });
    assert.deepEqual(cellsOf(endpoints, object), { NAME: "web", ENDPOINTS: text, AGE: "60m" });
  });
}

test("endpoints has ports of TCP by default", () => {
  const object = createObject(endpoints, { subsets: [{ addresses: addresses("10.0.0.1"), ports: ports(80) }] });
  assert.deepEqual(object.subsets?.[0]?.ports, [{ name: "p80", port: 80, protocol: "TCP" }]);
});

const problems: readonly (readonly [JsonValue, readonly string[]])[] = [
  [{ addresses: addresses("10.0.0.1"), ports: ports(80) }, []],
  [{ ports: ports(80) }, ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]],
  [
    { addresses: addresses("127.0.0.1", "web") },
    [
      'subsets[0].addresses[1].ip: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  ],
  [
    { addresses: addresses("10.0.0.1"), ports: [{ port: 0 }, { name: "b", port: 70000 }] },
    [
      "subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      "subsets[0].ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
      "subsets[0].ports[0].name: Required value",
    ],
  ],
];

for (const [subset, texts] of problems) {
  test(`endpoints validation gives ${texts.length} problems for ${JSON.stringify(subset)}`, () => {
    assert.deepEqual(problemsOfCreate(endpoints, { subsets: [subset] }), texts);
  });
}

test("endpoints' addresses stay on their nodes", () => {
  const old = createObject(endpoints, { subsets: [{ addresses: [{ ip: "10.0.0.1", nodeName: "a" }] }] });
  const subsets = [{ notReadyAddresses: [{ ip: "10.0.0.1", nodeName: "b" }] }];
  assert.deepEqual(problemsOfUpdate(endpoints, old, { subsets }), [
    "subsets[0].notReadyAddresses[0].nodeName: Forbidden: Cannot change NodeName for 10.0.0.1 to b",
  ]);
});
