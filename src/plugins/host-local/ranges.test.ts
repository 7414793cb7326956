import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import { parseHostLocalConfig } from "./host-local-config.ts";
import { capacity, formatRangeSet } from "./ranges.ts";

function parse(ipam: JsonObject, extra: JsonObject = {}, args = "") {
  const cniVersion = "1.0.0";
  return parseHostLocalConfig({
    config: { cniVersion, name: "n", type: "x", ...extra, json: { name: "n", ipam, ...extra } },
    args,
  });
}

const DEFAULTS: readonly { ipam: JsonObject; set: string; gateway: string; capacity: bigint }[] = [
  { ipam: { subnet: "10.1.0.0/24" }, set: "10.1.0.1-10.1.0.254", gateway: "10.1.0.1", capacity: 253n },
  { ipam: { subnet: "10.1.0.0/30" }, set: "10.1.0.1-10.1.0.2", gateway: "10.1.0.1", capacity: 1n },
  {
    ipam: { subnet: "fd00::/64" },
    set: "fd00::1-fd00::ffff:ffff:ffff:ffff",
    gateway: "fd00::1",
    capacity: (1n << 64n) - 2n,
  },
  { ipam: { subnet: "FD00:0::/126" }, set: "fd00::1-fd00::3", gateway: "fd00::1", capacity: 2n },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "10.1.0.0", rangeEnd: "10.1.0.255" },
    set: "10.1.0.0-10.1.0.255",
    gateway: "10.1.0.1",
    capacity: 255n,
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "10.1.0.9", rangeEnd: "10.1.0.9" },
    set: "10.1.0.9-10.1.0.9",
    gateway: "10.1.0.1",
    capacity: 1n,
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "", rangeEnd: "", gateway: "" },
    set: "10.1.0.1-10.1.0.254",
    gateway: "10.1.0.1",
    capacity: 253n,
  },
  {
    ipam: { subnet: "10.1.0.0/24", gateway: "10.9.0.1" },
    set: "10.1.0.1-10.1.0.254",
    gateway: "10.9.0.1",
    capacity: 254n,
  },
  {
    ipam: { SubNet: "10.1.0.0/24", RANGESTART: "10.1.0.7" },
    set: "10.1.0.7-10.1.0.254",
    gateway: "10.1.0.1",
    capacity: 248n,
  },
];

for (const row of DEFAULTS) {
  test(`parseHostLocalConfig fills in defaults of ${JSON.stringify(row.ipam)}`, () => {
    const [set] = parse(row.ipam).rangeSets;
    assert.ok(set);
    assert.deepEqual([formatRangeSet(set), set[0]?.gateway, capacity(set)], [row.set, row.gateway, row.capacity]);
  });
}

const REFUSED: readonly { ipam: JsonObject; extra?: JsonObject; args?: string; message: string; code?: number }[] = [
  { ipam: {}, message: "no IP ranges specified" },
  { ipam: { ranges: [[]] }, message: "invalid range set 0: empty range set" },
  { ipam: { subnet: "10.1.0.0/31" }, message: "invalid range set 0: Network 10.1.0.0/31 too small to allocate from" },
  { ipam: { subnet: "fd00::5/128" }, message: "invalid range set 0: Network fd00::5/128 too small to allocate from" },
  {
    ipam: { subnet: "10.1.0.5/24" },
    message:
      "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.0.0",
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "10.2.0.1" },
    message: "invalid range set 0: RangeStart 10.2.0.1 not in network 10.1.0.0/24",
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeEnd: "10.2.0.1" },
    message: "invalid range set 0: RangeEnd 10.2.0.1 not in network 10.1.0.0/24",
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "fd00::1" },
    message: "invalid range set 0: RangeStart fd00::1 not in network 10.1.0.0/24",
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "10.1.0.9", rangeEnd: "10.1.0.8" },
    message: "invalid range set 0: RangeStart 10.1.0.9 not in network 10.1.0.0/24",
  },
  {
    ipam: { subnet: "10.1.0.0/24", rangeStart: "10.1.0.255" },
    message: "invalid range set 0: RangeStart 10.1.0.255 not in network 10.1.0.0/24",
  },
  {
    ipam: { ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "fd00::/64" }]] },
    message: "invalid range set 0: mixed address families",
  },
  {
    ipam: { ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "10.1.0.0/25" }]] },
    message: "invalid range set 0: subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.0.126 overlap",
  },
  {
    ipam: { subnet: "10.1.0.0/24", ranges: [[{ subnet: "10.2.0.0/24" }], [{ subnet: "10.1.0.0/16" }]] },
    message: "range set 0 overlaps with 2",
  },
  {
    ipam: { ranges: [[{ subnet: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/24" }]] },
    extra: { cniVersion: "0.2.0" },
    message: "CNI version 0.2.0 does not support more than 1 address per family",
  },
  { ipam: { subnet: "10.1.0.0/24" }, args: "IP=10.9.0.1", message: "failed to allocate all requested IPs: 10.9.0.1" },
  {
    ipam: { subnet: "10.1.0.0/24" },
    args: "IP=10.1.0.1",
    message: "failed to allocate for range 0: requested ip 10.1.0.1 is subnet's gateway",
  },
  {
    ipam: { subnet: "10.1.0.0/24" },
    extra: { runtimeConfig: { ips: ["10.1.0.5", "10.1.0.6/24"] } },
    message: "failed to allocate all requested IPs: 10.1.0.6",
  },
  { ipam: { subnet: 7 }, message: 'Cannot read "ipam.subnet" with value 7: it is not a string', code: 6 },
];

for (const { ipam, extra = {}, args = "", message, code = 7 } of REFUSED) {
  test(`parseHostLocalConfig refuses ${JSON.stringify({ ipam, ...extra, args })}`, () => {
    assert.throws(
      () => parse(ipam, extra, args),
      (error) => {
        assert.ok(error instanceof CniError);
        assert.deepEqual([error.message, error.code], [message, code]);
        return true;
      },
    );
  });
}

test("parseHostLocalConfig takes requests from all three sources, each for a range set of its own", () => {
  const ranges = ["10.1.0.0/24", "10.2.0.0/24", "fd00::/64", "10.3.0.0/24"].map((subnet) => [{ subnet }]);
  const extra = { args: { cni: { ips: ["10.2.0.9/16"] } }, runtimeConfig: { ips: ["FD00::9", "10.2.0.9"] } };
  const { requests } = parse({ ranges }, extra, "IgnoreUnknown=1;IP=10.1.0.9;K8S_POD_NAME=x");
  assert.deepEqual(
    requests.map((request) => request?.address),
    ["10.1.0.9", "10.2.0.9", "fd00::9", undefined],
  );
});

test("parseHostLocalConfig puts ipRanges of the runtime first, then the single range", () => {
  const extra = { runtimeConfig: { ipRanges: [[{ subnet: "10.3.0.0/24" }]] } };
  const { rangeSets } = parse({ ranges: [[{ subnet: "10.2.0.0/24" }]], subnet: "10.1.0.0/24" }, extra);
  assert.deepEqual(
    rangeSets.map((set) => set[0]?.subnet.address),
    ["10.3.0.0", "10.1.0.0", "10.2.0.0"],
  );
});
