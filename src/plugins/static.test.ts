import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { staticIpam } from "./static.ts";
import {
  callOurs,
  callReference,
  meaningOf,
  type RuntimeCall,
  skipWithoutReference,
} from "./testing/call-plugin-as-runtime.ts";

const skip = skipWithoutReference("static");

const V4 = { address: "10.1.0.5/24", gateway: "10.1.0.1" };
const V6 = { address: "FD00::0:5/64", gateway: "FD00::1" };
const REST = {
  routes: [{ dst: "0.0.0.0/0" }, { dst: "10.5.1.1/8", gw: "10.1.0.3" }],
  dns: { nameservers: ["10.0.0.1"], domain: "a", search: ["b"], options: ["c"] },
};

type Row = Partial<RuntimeCall> & { readonly ipam?: JsonObject; readonly extra?: JsonObject };

const ROWS: readonly Row[] = [
  { ipam: { addresses: [V4] } },
  { ipam: { addresses: [V4, V6, { address: "10.1.0.5/8" }], ...REST } },
  { ipam: {} },
  { extra: { ipam: null } },
  { ipam: { addresses: [{ address: "10.1.0.5" }] } },
  { ipam: { addresses: [{ gateway: "10.1.0.1" }] } },
  { ipam: { addresses: [{ address: "10.1.0.5/33" }] } },
  { ipam: { addresses: [V4] }, args: "IP=10.2.0.5/24, fd00::7/64;GATEWAY=10.2.0.1,fd00::1,10.2.0.2" },
  { ipam: { addresses: [V4] }, args: "GATEWAY=10.1.0.9" },
  { ipam: { addresses: [V4] }, args: "IP=;GATEWAY=;IgnoreUnknown=1;X=y" },
  { ipam: { addresses: [V4] }, args: "IP=10.2.0.5" },
  { ipam: { addresses: [V4] }, args: "GATEWAY=x" },
  { ipam: { addresses: [V4] }, args: "X=y" },
  { ipam: { addresses: [V4] }, args: "IP=10.2.0.5/24", extra: { args: { cni: { ips: ["10.3.0.5/24"] } } } },
  {
    ipam: { addresses: [V4] },
    extra: { args: { cni: { ips: ["10.3.0.5/24"] } }, runtimeConfig: { ips: ["10.4.0.5/24"] } },
  },
  { ipam: { addresses: [V4] }, extra: { args: { cni: { ips: ["10.3.0.5"] } } } },
  { ipam: { addresses: [{ address: "x" }] }, extra: { runtimeConfig: { ips: ["10.4.0.5/24"] } } },
  { ipam: { addresses: [V4, V4] }, extra: { cniVersion: "0.2.0" } },
  { ipam: { addresses: [V4, V6], ...REST }, extra: { cniVersion: "0.2.0" } },
  { ipam: { addresses: [V4] }, verb: "DEL" },
  { ipam: { addresses: [V4] }, verb: "CHECK" },
  { ipam: { addresses: [V4] }, verb: "CHECK", extra: { prevResult: { ips: [V4] } } },
  { ipam: { addresses: [V4] }, verb: "CHECK", extra: { prevResult: { ips: [] } } },
  { ipam: { addresses: [V4] }, verb: "CHECK", extra: { prevResult: { ips: [{ ...V4, gateway: "10.1.0.2" }] } } },
];

for (const { ipam = {}, extra = {}, ...call } of ROWS) {
  test(`staticIpam answers what the reference does: ${JSON.stringify({ ipam, ...extra, ...call })}`, {
    skip,
  }, async () => {
    const config = { cniVersion: "1.0.0", name: "n", type: "x", ipam, ...extra };
    const their = await callReference("static", { ...call, config });
    assert.deepEqual(meaningOf(await callOurs(staticIpam, undefined, { ...call, config })), meaningOf(their));
  });
}

for (const cniVersion of SPEC_VERSIONS) {
  test(`staticIpam serves version ${cniVersion}`, async () => {
    const config = { cniVersion, name: "n", type: "x", ipam: { addresses: [V4, V6], ...REST } };
    const { stdout, exitCode } = await callOurs(staticIpam, undefined, { config });
    assert.equal(exitCode, 0);
    assert.ok(stdout.includes("10.1.0.5/24") && stdout.includes("fd00::5/64"));
  });
}

test("staticIpam STATUS and GC need only a configuration that ADD would take", async () => {
  const config = { cniVersion: "1.1.0", name: "n", type: "x", ipam: { addresses: [V4] } };
  for (const verb of ["STATUS", "GC"] as const) {
    assert.equal((await callOurs(staticIpam, undefined, { verb, config })).exitCode, 0);
  }
  const broken = { ...config, ipam: { addresses: [{ address: "x" }] } };
  assert.equal((await callOurs(staticIpam, undefined, { verb: "STATUS", config: broken })).exitCode, 1);
});
