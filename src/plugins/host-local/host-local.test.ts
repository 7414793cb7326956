import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { parseJson } from "#cni/go-json.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { callOurs, type RuntimeCall } from "../testing/call-plugin-as-runtime.ts";
import { temporaryFolder } from "../testing/temporary-folder.ts";
import { createAddressFolders } from "./address-folders.ts";
import { hostLocal } from "./host-local.ts";

function setup(context: Pick<TestContext, "after">) {
  const dataDir = temporaryFolder(context);
  const addressFolders = createAddressFolders({ cacheDir: join(dataDir, "cache"), bootTimeMs: () => BOOT_MS });
  context.after(() => addressFolders[Symbol.dispose]());
  const run = (ipam: JsonObject, { extra = {}, ...call }: Partial<RuntimeCall> & { extra?: JsonObject } = {}) => {
    const config = { cniVersion: "1.1.0", name: "net", type: "x", ...extra, ipam: { ...ipam, dataDir } };
    return callOurs(hostLocal, { addressFolders }, { ...call, config });
  };
  return {
    run,
    dataDir,
    path: join(dataDir, "net"),
    /** Names of all files but the lock. */
    files: () => readdirSync(join(dataDir, "net")).filter((name) => name !== "lock"),
  };
}

const BOOT_MS = Date.now() - 60_000;
const SMALL = { subnet: "10.1.0.0/29" };
const SMALL_ADDRESSES = ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"];

function errorOf({ stdout, exitCode }: PluginOutput): readonly [unknown, unknown] {
  assert.equal(exitCode, 1, stdout);
  const json = parseJson(stdout);
  assert.ok(isJsonObject(json));
  return [json["code"], json["msg"]];
}

function addressesOf({ stdout, exitCode }: PluginOutput): readonly string[] {
  assert.equal(exitCode, 0, stdout);
  return [...stdout.matchAll(/"(?:address|ip)": "([^/]+)\//g)].map(([, address = ""]) => address);
}

for (const cniVersion of SPEC_VERSIONS) {
  test(`hostLocal serves ADD and DEL of version ${cniVersion}`, async (context) => {
    const { run, files } = setup(context);
    const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00::/64" }]];
    const routes = [{ dst: "0.0.0.0/0" }, { dst: "fd01::5/16", gw: "FD00::9" }];
    const added = await run({ ranges, routes }, { extra: { cniVersion } });
    assert.deepEqual(addressesOf(added), ["10.1.0.2", "fd00::2"]);
    assert.match(added.stdout, /"fd01::5\/16"/);
    const deleted = await run({ ranges, routes }, { verb: "DEL", extra: { cniVersion } });
    assert.deepEqual(deleted, { stdout: "", stderr: "", exitCode: 0 });
    assert.deepEqual(files(), ["last_reserved_ip.0", "last_reserved_ip.1"]);
  });
}

test("hostLocal goes round, skips what is taken, and says when nothing is left", async (context) => {
  const { run } = setup(context);
  for (const [index, address] of SMALL_ADDRESSES.entries()) {
    assert.deepEqual(addressesOf(await run(SMALL, { containerId: `c${index}` })), [address]);
  }
  const exhausted = [100, "failed to allocate for range 0: no IP addresses available in range set: 10.1.0.1-10.1.0.6"];
  assert.deepEqual(errorOf(await run(SMALL, { containerId: "more" })), exhausted);
  for (const containerId of ["c1", "c0"]) await run(SMALL, { verb: "DEL", containerId });
  assert.deepEqual(addressesOf(await run(SMALL, { containerId: "d0" })), ["10.1.0.2"]);
  assert.deepEqual(addressesOf(await run(SMALL, { containerId: "d1" })), ["10.1.0.3"]);
});

test("hostLocal refuses a second ADD of the same interface, also with a request", async (context) => {
  const { run } = setup(context);
  await run(SMALL);
  const refused = [
    101,
    "failed to allocate for range 0: 10.1.0.2 has been allocated to c1, duplicate allocation is not allowed",
  ];
  assert.deepEqual(errorOf(await run(SMALL)), refused);
  assert.deepEqual(errorOf(await run(SMALL, { args: "IP=10.1.0.5" })), refused);
  assert.deepEqual(addressesOf(await run(SMALL, { ifname: "net1" })), ["10.1.0.3"]);
});

test("hostLocal gives a requested address, and refuses one that is taken", async (context) => {
  const { run } = setup(context);
  assert.deepEqual(addressesOf(await run(SMALL, { args: "IP=10.1.0.5" })), ["10.1.0.5"]);
  const extra = { args: { cni: { ips: ["10.1.0.5/29"] } } };
  assert.deepEqual(errorOf(await run(SMALL, { containerId: "c2", extra })), [
    101,
    "failed to allocate for range 0: requested IP address 10.1.0.5 is not available in range set 10.1.0.1-10.1.0.6",
  ]);
  assert.deepEqual(addressesOf(await run(SMALL, { containerId: "c2" })), ["10.1.0.6"]);
});

test("hostLocal reserves addresses of all range sets or of none", async (context) => {
  const { run, files } = setup(context);
  const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/30" }]];
  await run({ ranges });
  const before = files();
  assert.equal(errorOf(await run({ ranges }, { containerId: "c2" }))[0], 100);
  assert.deepEqual(files(), before);
});

test("hostLocal takes DNS settings from resolvConf", async (context) => {
  const { run, dataDir } = setup(context);
  const resolvConf = join(dataDir, "resolv.conf");
  writeFileSync(
    resolvConf,
    "# x\n; y\nnameserver 10.0.0.1\nnameserver\n\nsearch a b\n  options ndots:5 \ndomain a\nsearch c\n",
  );
  const { stdout } = await run({ ...SMALL, resolvConf });
  const json = parseJson(stdout);
  assert.ok(isJsonObject(json));
  assert.deepEqual(json["dns"], {
    domain: "a",
    nameservers: ["10.0.0.1"],
    options: ["ndots:5"],
    search: ["a", "b", "c"],
  });
  assert.equal(errorOf(await run({ ...SMALL, resolvConf: `${resolvConf}.no` }))[0], 5);
});

test("hostLocal CHECK finds the reservation", async (context) => {
  const { run } = setup(context);
  const missing = [103, "host-local: Failed to find address added by container c1"];
  assert.deepEqual(errorOf(await run(SMALL, { verb: "CHECK" })), missing);
  await run(SMALL);
  assert.equal((await run(SMALL, { verb: "CHECK" })).exitCode, 0);
  assert.equal(errorOf(await run(SMALL, { verb: "CHECK", ifname: "net1" }))[0], 103);
  await run(SMALL, { verb: "DEL" });
  assert.deepEqual(errorOf(await run(SMALL, { verb: "CHECK" })), missing);
});

test("hostLocal DEL succeeds for what it does not know, and for ranges that are broken by now", async (context) => {
  const { run, path, files } = setup(context);
  assert.equal((await run(SMALL, { verb: "DEL" })).exitCode, 0);
  assert.throws(() => readdirSync(path), { code: "ENOENT" });
  await run(SMALL);
  assert.equal((await run({ subnet: "10.1.0.0/31" }, { verb: "DEL" })).exitCode, 0);
  assert.deepEqual(files(), ["last_reserved_ip.0"]);
});

test("hostLocal GC releases attachments that are not listed, and nothing else", async (context) => {
  const { run, path, files } = setup(context);
  for (const [containerId, ifname] of [
    ["c1", "eth0"],
    ["c1", "net1"],
    ["c2", "eth0"],
    ["c3", "eth0"],
  ] as const) {
    await run(SMALL, { containerId, ifname });
  }
  writeFileSync(join(path, "10.1.0.6"), "blocked");
  const all = files();
  assert.equal((await run(SMALL, { verb: "GC" })).exitCode, 0);
  assert.deepEqual(files(), all, "no list is not an empty list");
  const extra = {
    "cni.dev/valid-attachments": [
      { containerID: "c1", ifname: "net1" },
      { containerID: "c3", ifname: "eth0" },
    ],
  };
  assert.equal((await run(SMALL, { verb: "GC", extra })).exitCode, 0);
  assert.deepEqual(files(), ["10.1.0.3", "10.1.0.5", "10.1.0.6", "last_reserved_ip.0"]);
  assert.equal((await run(SMALL, { verb: "GC", extra: { "cni.dev/valid-attachments": [] } })).exitCode, 0);
  assert.deepEqual(files(), ["10.1.0.6", "last_reserved_ip.0"]);
});

test("hostLocal STATUS fails when a range set has no free address", async (context) => {
  const { run } = setup(context);
  const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/30" }]];
  assert.equal((await run({ ranges }, { verb: "STATUS" })).exitCode, 0);
  await run({ ranges });
  assert.deepEqual(errorOf(await run({ ranges }, { verb: "STATUS" })), [
    50,
    'No address is free in network "net": 1 of 1 addresses of range set 1 (10.2.0.1-10.2.0.2) are reserved',
  ]);
  const gatewayOnly = { subnet: "10.3.0.0/24", rangeStart: "10.3.0.1", rangeEnd: "10.3.0.1" };
  assert.equal(errorOf(await run(gatewayOnly, { verb: "STATUS", extra: { name: "other" } }))[0], 50);
});

test("hostLocal sweeps reservations from before the boot when the range is exhausted, not earlier", async (context) => {
  const { run, dataDir, path, files } = setup(context);
  const results = join(dataDir, "cache", "results");
  mkdirSync(results, { recursive: true });
  for (const [index, address] of SMALL_ADDRESSES.entries()) {
    const containerId = `c${index}`;
    await run(SMALL, { containerId });
    if (index % 2 === 1) continue;
    utimesSync(join(path, address), BOOT_MS / 1000 - 9, BOOT_MS / 1000 - 9);
    const cached = {
      kind: "cniCacheV1",
      containerId,
      ifName: "eth0",
      networkName: "net",
      netns: "/run/netns/podwire-none",
    };
    writeFileSync(join(results, `net-${containerId}-eth0`), JSON.stringify(cached));
  }
  assert.equal((await run(SMALL, { verb: "STATUS" })).exitCode, 0);
  assert.equal(files().length, 6);
  assert.deepEqual(addressesOf(await run(SMALL, { containerId: "new", args: "IP=10.1.0.4" })), ["10.1.0.4"]);
  assert.deepEqual(addressesOf(await run(SMALL, { containerId: "newer" })), ["10.1.0.6"]);
  assert.deepEqual(files(), ["10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "last_reserved_ip.0"].toSorted());
});

test("hostLocal never gives an address twice, and gives all of them", async (context) => {
  const { run } = setup(context);
  const configs = fc.constantFrom<{ ipam: JsonObject; capacity: number }>(
    { ipam: { subnet: "10.1.0.0/28" }, capacity: 13 },
    { ipam: { subnet: "fd00::/124", gateway: "fd00::4" }, capacity: 14 },
    {
      ipam: { ranges: [[{ subnet: "10.1.0.0/29" }, { subnet: "10.2.0.0/29" }], [{ subnet: "fd00::/64" }]] },
      capacity: 10,
    },
  );
  const steps = fc.array(fc.record({ add: fc.boolean(), id: fc.nat(15) }), { maxLength: 60 });
  let network = 0;
  await fc.assert(
    fc.asyncProperty(configs, steps, async ({ ipam, capacity }, sequence) => {
      network += 1;
      const extra = { name: `net${network}` };
      const given = new Map<string, readonly string[]>();
      for (const { add, id } of sequence) {
        const containerId = `c${id}`;
        const output = await run(ipam, { verb: add ? "ADD" : "DEL", containerId, extra });
        if (!add) {
          given.delete(containerId);
        } else if (output.exitCode === 0) {
          const addresses = addressesOf(output);
          const others = [...given.values()].flat();
          assert.ok(addresses.length > 0 && !addresses.some((address) => others.includes(address)));
          given.set(containerId, addresses);
        } else {
          const [code] = errorOf(output);
          assert.equal(code, given.has(containerId) ? 101 : 100);
          if (code === 100) assert.equal(given.size, capacity);
        }
      }
    }),
    { numRuns: 100 },
  );
});
