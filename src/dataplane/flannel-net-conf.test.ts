import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrefix } from "#base/ip-address.ts";
import { NetConfError, parseNetConf } from "./flannel-net-conf.ts";

const VXLAN = {
  type: "vxlan",
  vni: 1,
  port: 8472,
  directRouting: false,
  gbp: false,
  learning: false,
  underlayMtuBytes: undefined,
};

test("parseNetConf gives Flannel's defaults", () => {
  assert.deepEqual(parseNetConf('{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}}'), {
    networks: {
      4: {
        network: parsePrefix("10.244.0.0/16"),
        subnetLength: 24,
        subnetMin: "10.244.1.0",
        subnetMax: "10.244.255.0",
      },
    },
    enableNftables: false,
    backend: VXLAN,
    warnings: [],
  });
});

test("parseNetConf reads keys in any case, and both families", () => {
  const { networks, enableNftables, backend } = parseNetConf(
    `{"network":"10.5.0.0/22","ENABLEIPV6":true,"IPv6Network":"fd00:10:244::/56","enablenftables":true,
      "SubnetLen":25,"SubnetMin":"10.5.1.0","backend":{"type":"vxlan","vni":5,"port":4789,"directrouting":true,"MTU":9000}}`,
  );
  assert.deepEqual(
    [networks[4]?.subnetLength, networks[4]?.subnetMin, networks[4]?.subnetMax],
    [25, "10.5.1.0", "10.5.3.128"],
  );
  assert.deepEqual([networks[6]?.subnetLength, networks[6]?.subnetMax], [64, "fd00:10:244:ff::"]);
  assert.equal(enableNftables, true);
  assert.deepEqual(backend, { ...VXLAN, vni: 5, port: 4789, directRouting: true, underlayMtuBytes: 9000 });
});

test("parseNetConf divides a small network by four", () => {
  assert.equal(parseNetConf('{"Network":"10.5.0.0/23"}').networks[4]?.subnetLength, 25);
});

test("parseNetConf takes vxlan and says so without a back end", () => {
  const { backend, warnings } = parseNetConf('{"Network":"10.5.0.0/16"}');
  assert.deepEqual([backend.type, warnings.length], ["vxlan", 1]);
});

const BACKENDS = [
  ['{"Type":"host-gw"}', { type: "host-gw" }],
  ['{"Type":"udp"}', { type: "udp", port: 8285 }],
  ['{"Type":"udp","Port":9000}', { type: "udp", port: 9000 }],
] as const;
for (const [text, backend] of BACKENDS) {
  test(`parseNetConf reads back end ${text}`, () => {
    assert.deepEqual(parseNetConf(`{"Network":"10.5.0.0/16","Backend":${text}}`).backend, backend);
  });
}

const WRONG = [
  ["", ""],
  ["[]", ""],
  ["{}", "Network"],
  ['{"Network":"10.5.0.0"}', "Network"],
  ['{"Network":"fd00::/48"}', "Network"],
  ['{"Network":10}', "Network"],
  ['{"Network":"10.5.0.0/16","SubnetLen":16}', "SubnetLen"],
  ['{"Network":"10.5.0.0/16","SubnetLen":31}', "SubnetLen"],
  ['{"Network":"10.5.0.0/16","SubnetMin":"10.6.0.0"}', "SubnetMin"],
  ['{"Network":"10.5.0.0/16","SubnetMax":"10.5.1.7"}', "SubnetMax"],
  ['{"EnableIPv4":false}', "EnableIPv4"],
  ['{"EnableIPv4":"yes"}', "EnableIPv4"],
  ['{"Network":"10.5.0.0/16","EnableIPv6":true}', "IPv6Network"],
  ['{"Network":"10.5.0.0/16","Backend":"vxlan"}', "Backend"],
  ['{"Network":"10.5.0.0/16","Backend":{"Type":"ipsec"}}', "Backend.Type"],
  ['{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","Port":-1}}', "Backend.Port"],
] as const;
for (const [text, key] of WRONG) {
  test(`parseNetConf refuses ${text === "" ? "nothing" : text}`, () => {
    assert.throws(
      () => parseNetConf(text),
      (error) => error instanceof NetConfError && error.key === key,
    );
  });
}
