import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import { CNI_ERROR_CODES, CniError } from "./cni-error.ts";
import { parseJson } from "./go-json.ts";
import type { CniResult } from "./result.ts";
import { formatResult, parseResult, printResult } from "./result-versions.ts";
import { SPEC_VERSIONS, type SpecVersion } from "./spec-version.ts";

/** Everything a result can hold, with addresses in a form that Go would not print. */
const FULL: CniResult = {
  interfaces: [
    { name: "cni0", mac: "0a:00:00:00:00:01" },
    {
      name: "eth0",
      mac: "0a:00:00:00:00:02",
      mtu: 1450,
      sandbox: "/run/netns/pod",
      socketPath: "/run/vhost",
      pciID: "0000:00:01.0",
    },
  ],
  ips: [
    { address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 1 },
    { address: "FD00:0:0::5/64", gateway: "FD00::1", interface: 1 },
    { address: "10.2.0.5/16", interface: 0 },
  ],
  routes: [
    { dst: "0.0.0.0/0", gw: "10.1.0.1", mtu: 1400, advmss: 1360, priority: 10, table: 100, scope: 0 },
    { dst: "10.9.1.5/8" },
    { dst: "::/0", gw: "FD00::1" },
  ],
  dns: { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b", "b"], options: ["ndots:5"] },
};

const DNS_PRINTED = { nameservers: ["10.1.0.1"], domain: "a.b", search: ["a.b", "b"], options: ["ndots:5"] };

const OLD: JsonObject = {
  ip4: {
    ip: "10.1.0.5/16",
    gateway: "10.1.0.1",
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.1.5/8" }],
  },
  ip6: { ip: "fd00::5/64", gateway: "fd00::1", routes: [{ dst: "::/0", gw: "fd00::1" }] },
  dns: DNS_PRINTED,
};

const ROUTES_PRINTED = [
  { dst: "0.0.0.0/0", gw: "10.1.0.1", mtu: 1400, advmss: 1360, priority: 10, table: 100, scope: 0 },
  { dst: "10.9.1.5/8" },
  { dst: "::/0", gw: "fd00::1" },
];

const LISTS: JsonObject = {
  interfaces: [
    { name: "cni0", mac: "0a:00:00:00:00:01" },
    { name: "eth0", mac: "0a:00:00:00:00:02", sandbox: "/run/netns/pod" },
  ],
  ips: [
    { version: "4", interface: 1, address: "10.1.0.5/16", gateway: "10.1.0.1" },
    { version: "6", interface: 1, address: "fd00::5/64", gateway: "fd00::1" },
    { version: "4", interface: 0, address: "10.2.0.5/16" },
  ],
  routes: ROUTES_PRINTED,
  dns: DNS_PRINTED,
};

const NEWEST: JsonObject = {
  interfaces: FULL.interfaces?.map((one) => ({ ...one })) ?? [],
  ips: [
    { address: "10.1.0.5/16", gateway: "10.1.0.1", interface: 1 },
    { address: "fd00::5/64", gateway: "fd00::1", interface: 1 },
    { address: "10.2.0.5/16", interface: 0 },
  ],
  routes: ROUTES_PRINTED,
  dns: DNS_PRINTED,
};

const PRINTED: Readonly<Record<SpecVersion, JsonObject>> = {
  "0.1.0": OLD,
  "0.2.0": OLD,
  "0.3.0": LISTS,
  "0.3.1": LISTS,
  "0.4.0": LISTS,
  "1.0.0": NEWEST,
  "1.1.0": NEWEST,
};

for (const version of SPEC_VERSIONS) {
  test(`printResult gives ${version} what it can hold`, () => {
    assert.deepEqual(printResult(FULL, version), { cniVersion: version, ...PRINTED[version] });
  });

  test(`parseResult reads what printResult gives for ${version}, and printing again changes nothing`, () => {
    const printed = printResult(FULL, version);
    assert.deepEqual(printResult(parseResult(printed, version), version), printed);
  });

  for (const target of SPEC_VERSIONS) {
    test(`a result of ${version} is printed as ${target} with what both can hold`, () => {
      const result = parseResult(printResult(FULL, version), version);
      const expected = version < target ? upgraded(PRINTED[version], PRINTED[target]) : PRINTED[target];
      assert.deepEqual(printResult(result, target), { cniVersion: target, ...expected });
    });
  }
}

/** What is printed in a newer shape when the result came in an older one. */
function upgraded(older: JsonObject, newer: JsonObject): JsonObject {
  if (older === newer) return newer;
  if (older !== OLD) return { ...NEWEST, interfaces: LISTS["interfaces"] };
  const ips = [
    { address: "10.1.0.5/16", gateway: "10.1.0.1" },
    { address: "fd00::5/64", gateway: "fd00::1" },
  ];
  return {
    ips: newer === LISTS ? ips.map((ip, index) => ({ version: index === 0 ? "4" : "6", ...ip })) : ips,
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.1.5/8" }, { dst: "::/0", gw: "fd00::1" }],
    dns: DNS_PRINTED,
  };
}

test("a result of 0.2.0 becomes lists: IPv4 first, routes in order, no interfaces", () => {
  const expected: CniResult = {
    ips: [
      { address: "10.1.0.5/16", gateway: "10.1.0.1" },
      { address: "fd00::5/64", gateway: "fd00::1" },
    ],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }, { dst: "10.9.1.5/8" }, { dst: "::/0", gw: "fd00::1" }],
    dns: DNS_PRINTED,
  };
  assert.deepEqual(parseResult({ cniVersion: "0.2.0", ...OLD }, "0.2.0"), expected);
});

test("0.2.0 drops the routes of a family without an address", () => {
  const result: CniResult = { ips: [{ address: "fd00::5/64" }], routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] };
  assert.deepEqual(printResult(result, "0.2.0"), {
    cniVersion: "0.2.0",
    ip6: { ip: "fd00::5/64", routes: [{ dst: "::/0" }] },
    dns: {},
  });
});

test("0.2.0 cannot hold a result without addresses", () => {
  assert.throws(() => printResult({ interfaces: [{ name: "eth0" }] }, "0.2.0"), {
    code: CNI_ERROR_CODES.internal,
    message: "cannot convert: no valid IP addresses",
  });
});

test("keys of older results have the order of libcni, those of newer ones are sorted, empty dns differs", () => {
  const result: CniResult = {
    interfaces: [{ name: "eth0", sandbox: "/n", mac: "0a:00:00:00:00:02" }],
    ips: [{ address: "10.1.0.5/16", interface: 0, gateway: "10.1.0.1" }],
    routes: [{ gw: "10.1.0.1", dst: "0.0.0.0/0", table: 0 }],
  };
  assert.equal(
    formatResult(result, "0.4.0"),
    `{
    "cniVersion": "0.4.0",
    "interfaces": [
        {
            "name": "eth0",
            "mac": "0a:00:00:00:00:02",
            "sandbox": "/n"
        }
    ],
    "ips": [
        {
            "version": "4",
            "interface": 0,
            "address": "10.1.0.5/16",
            "gateway": "10.1.0.1"
        }
    ],
    "routes": [
        {
            "dst": "0.0.0.0/0",
            "gw": "10.1.0.1",
            "table": 0
        }
    ],
    "dns": {}
}`,
  );
  assert.equal(
    formatResult(result, "1.1.0"),
    `{
    "cniVersion": "1.1.0",
    "interfaces": [
        {
            "mac": "0a:00:00:00:00:02",
            "name": "eth0",
            "sandbox": "/n"
        }
    ],
    "ips": [
        {
            "address": "10.1.0.5/16",
            "gateway": "10.1.0.1",
            "interface": 0
        }
    ],
    "routes": [
        {
            "dst": "0.0.0.0/0",
            "gw": "10.1.0.1",
            "table": 0
        }
    ]
}`,
  );
});

for (const [version, text] of [
  ["0.4.0", '{\n    "cniVersion": "0.4.0",\n    "dns": {}\n}'],
  ["1.0.0", '{\n    "cniVersion": "1.0.0"\n}'],
] as const) {
  test(`formatResult of nothing for ${version}`, () => {
    assert.equal(formatResult({ interfaces: [], ips: [], routes: [], dns: { search: [] } }, version), text);
  });
}

const MISMATCHES = [
  ["1.0.0", "0.4.0", 'result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "0.4.0"'],
  ["0.3.1", "1.0.0", 'result type supports [0.3.0 0.3.1 0.4.0] but unmarshalled CNIVersion is "1.0.0"'],
  ["0.2.0", "0.3.0", 'result type supports [ 0.1.0 0.2.0] but unmarshalled CNIVersion is "0.3.0"'],
  ["1.1.0", "2.0.0", 'result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "2.0.0"'],
] as const;

for (const [version, own, message] of MISMATCHES) {
  test(`parseResult refuses a result of ${own} where ${version} is expected`, () => {
    assert.throws(() => parseResult({ cniVersion: own }, version), { code: CNI_ERROR_CODES.decodingFailure, message });
  });
}

for (const own of [undefined, null, ""]) {
  test(`parseResult takes cniVersion ${JSON.stringify(own)} for the expected one`, () => {
    assert.deepEqual(parseResult({ cniVersion: own, ips: [{ address: "10.0.0.1/8" }] }, "1.0.0"), {
      ips: [{ address: "10.0.0.1/8" }],
    });
  });
}

test("parseResult refuses a version nobody knows", () => {
  assert.throws(() => parseResult({}, "3.0.0"), { message: 'unsupported CNI result version "3.0.0"' });
});

test("printResult refuses a version nobody knows", () => {
  assert.throws(() => printResult({}, "3.0.0"), { message: "no converter for CNI result version 1.1.0 to 3.0.0" });
});

test("parseResult reads keys in any case, and an empty gateway as none", () => {
  assert.deepEqual(parseResult({ CNIVersion: "1.0.0", IPs: [{ Address: "10.0.0.1/8", Gateway: "" }] }, "1.0.0"), {
    ips: [{ address: "10.0.0.1/8" }],
  });
});

test("parseResult names the broken field", () => {
  assert.throws(() => parseResult({ ips: [{ address: "10.0.0.1" }] }, "1.0.0", "prevResult"), {
    code: CNI_ERROR_CODES.invalidConfig,
    message: /^Cannot read "prevResult.ips\[0\].address" with value "10.0.0.1"/,
  });
});

const octet = fc.integer({ min: 0, max: 255 });
const v4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const v4Prefix = fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([ip, length]) => `${ip}/${length}`);
const word = fc.stringMatching(/^[a-z]{1,8}$/);
const anyResult = fc.record(
  {
    interfaces: fc.array(
      fc.record(
        { name: word, mtu: fc.integer({ min: 1, max: 9000 }) },
        { requiredKeys: ["name"], noNullPrototype: true },
      ),
      {
        minLength: 1,
      },
    ),
    ips: fc.array(
      fc.record(
        { address: v4Prefix, gateway: v4, interface: fc.nat(5) },
        { requiredKeys: ["address"], noNullPrototype: true },
      ),
      { minLength: 1 },
    ),
    routes: fc.array(
      fc.record({ dst: v4Prefix, gw: v4, scope: fc.nat(255) }, { requiredKeys: ["dst"], noNullPrototype: true }),
      {
        minLength: 1,
      },
    ),
    dns: fc.record({ nameservers: fc.array(v4, { minLength: 1 }) }, { noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

test("parseResult of the printed text is the result, for 1.1.0", () => {
  fc.assert(
    fc.property(anyResult, (result) => {
      const json = parseJson(formatResult(result, "1.1.0"));
      // formatResult prints an object.
      assert.deepEqual(parseResult(json as JsonObject, "1.1.0"), result);
    }),
  );
});

test("parseResult of any JSON gives a result or a CniError", () => {
  const key = fc.constantFrom("cniVersion", "ips", "interfaces", "routes", "dns", "ip4", "ip6");
  const part = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(fc.dictionary(fc.constantFrom("address", "dst", "name"), fc.jsonValue({ maxDepth: 2 }))),
  );
  fc.assert(
    fc.property(fc.dictionary(key, part), fc.constantFrom(...SPEC_VERSIONS), (json, version) => {
      try {
        // What fast-check makes here is JSON.
        parseResult(json as JsonObject, version);
      } catch (error) {
        assert.ok(error instanceof CniError);
      }
    }),
    { numRuns: 1000 },
  );
});
