/** Beside the reference plugin (Debian's, spec 1.0.0): same answers, same files, and both on one folder at once. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "#base/json.ts";
import {
  callOurs,
  callReference,
  meaningOf,
  type RuntimeCall,
  skipWithoutReference,
} from "../testing/call-plugin-as-runtime.ts";
import { startHostLocalProcess } from "../testing/host-local-process.ts";
import { temporaryFolder } from "../testing/temporary-folder.ts";
import { createAddressFolders } from "./address-folders.ts";
import { hostLocal } from "./host-local.ts";

const skip = skipWithoutReference("host-local");

type Step = Omit<RuntimeCall, "config"> & { readonly ipam?: JsonObject; readonly extra?: JsonObject };

function toCall(dataDir: string, { ipam = {}, extra = {}, ...call }: Step): RuntimeCall {
  return { ...call, config: { cniVersion: "1.0.0", name: "net", type: "x", ...extra, ipam: { dataDir, ...ipam } } };
}

function setup(context: TestContext) {
  const addressFolders = createAddressFolders();
  context.after(() => addressFolders[Symbol.dispose]());
  return {
    ours: (dataDir: string, step: Step) => callOurs(hostLocal, { addressFolders }, toCall(dataDir, step)),
    reference: (dataDir: string, step: Step) => callReference("host-local", toCall(dataDir, step)),
  };
}

/** Names and contents of all files; what the reference does with times is its own. */
function contents(dataDir: string): Readonly<Record<string, string>> {
  const path = join(dataDir, "net");
  return Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name), "utf8")]));
}

const V4 = { subnet: "10.1.0.0/29" };
const DUAL = { ranges: [[{ subnet: "10.1.0.0/29" }, { subnet: "10.2.0.0/30" }], [{ subnet: "FD00:0::/124" }]] };

const SEQUENCES: readonly { what: string; steps: readonly Step[] }[] = [
  {
    what: "exhaustion and wrap",
    steps: [
      ...Array.from({ length: 6 }, (_, index) => ({ containerId: `c${index}`, ipam: V4 })),
      { verb: "DEL", containerId: "c1", ipam: V4 },
      { verb: "DEL", containerId: "c0", ipam: V4 },
      { containerId: "d0", ipam: V4 },
      { containerId: "d1", ipam: V4 },
    ],
  },
  {
    what: "several ranges and families",
    steps: [
      ...Array.from({ length: 8 }, (_, index) => ({ containerId: `c${index}`, ipam: DUAL })),
      { verb: "DEL", containerId: "c2", ipam: DUAL },
      { containerId: "c8", ipam: DUAL },
      { containerId: "c9", ipam: DUAL },
    ],
  },
  {
    what: "requests",
    steps: [
      { args: "IP=10.1.0.4", ipam: V4 },
      { args: "IP=10.1.0.4/8", containerId: "c2", ipam: V4 },
      { args: "IP=10.1.0.1", containerId: "c2", ipam: V4 },
      { args: "IgnoreUnknown=1;X=1;IP=", containerId: "c2", ipam: V4 },
      { extra: { args: { cni: { ips: ["10.2.0.2"] } } }, containerId: "c3", ipam: DUAL },
      { extra: { runtimeConfig: { ips: ["10.1.0.3/24", "fd00::9"] } }, containerId: "c4", ipam: DUAL },
    ],
  },
  {
    what: "repetition, CHECK, interfaces",
    steps: [
      { ipam: V4 },
      { ipam: V4 },
      { ipam: V4, ifname: "net1" },
      { ipam: V4, verb: "CHECK" },
      { ipam: V4, verb: "DEL" },
      { ipam: V4, verb: "DEL" },
      { ipam: V4, verb: "CHECK" },
      { ipam: V4, verb: "CHECK", ifname: "net1" },
    ],
  },
  {
    what: "routes and gateways",
    steps: [
      { ipam: { ...V4, gateway: "10.9.0.1", routes: [{ dst: "0.0.0.0/0" }, { dst: "10.5.1.1/8", gw: "10.1.0.3" }] } },
      { ipam: { subnet: "fd00::/64", gateway: "FD00::0:9" }, containerId: "c2", extra: { cniVersion: "0.4.0" } },
      { ipam: DUAL, containerId: "c3", extra: { cniVersion: "0.2.0" } },
      { ipam: { ...V4, resolvConf: "/proc/self/comm" }, containerId: "c4" },
    ],
  },
];

for (const { what, steps } of SEQUENCES) {
  test(`hostLocal answers and writes what the reference does: ${what}`, { skip }, async (context) => {
    const { ours, reference } = setup(context);
    const [ourDir, theirDir] = [temporaryFolder(context), temporaryFolder(context)];
    for (const step of steps) {
      const [our, their] = [await ours(ourDir, step), await reference(theirDir, step)];
      assert.deepEqual(meaningOf(our), meaningOf(their), JSON.stringify(step));
    }
    assert.deepEqual(contents(ourDir), contents(theirDir));
    for (const [name, path] of [
      ["net", "net"],
      ["lock", "net/lock"],
    ] as const) {
      assert.equal(statSync(join(ourDir, path)).mode, statSync(join(theirDir, path)).mode, name);
    }
  });
}

const REFUSED: readonly Step[] = [
  { ipam: {} },
  { ipam: { ranges: [[]] } },
  { ipam: { subnet: "10.1.0.0/31" } },
  { ipam: { subnet: "10.1.0.0/24", rangeStart: "10.2.0.1" } },
  { ipam: { subnet: "10.1.0.0/24", rangeEnd: "10.2.0.1" } },
  { ipam: { subnet: "10.1.0.0/24", rangeStart: "10.1.0.9", rangeEnd: "10.1.0.8" } },
  { ipam: { ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "fd00::/64" }]] } },
  { ipam: { ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "10.1.0.0/25" }]] } },
  { ipam: { subnet: "10.1.0.0/24", ranges: [[{ subnet: "10.2.0.0/24" }], [{ subnet: "10.1.0.0/16" }]] } },
  // The reference reserves and releases another address on the way.
  { ipam: V4, args: "IP=10.9.0.1" },
];

for (const step of REFUSED) {
  test(`hostLocal refuses with the words of the reference: ${JSON.stringify(step)}`, { skip }, async (context) => {
    const { ours, reference } = setup(context);
    const dataDir = temporaryFolder(context);
    const their = await reference(dataDir, step);
    assert.equal(their.exitCode, 1);
    assert.deepEqual(meaningOf(await ours(dataDir, step)), meaningOf(their));
  });
}

test("hostLocal and the reference take turns on one folder", { skip }, async (context) => {
  const { ours, reference } = setup(context);
  const step = fc.record({ isOurs: fc.boolean(), add: fc.boolean(), id: fc.nat(9) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (sequence) => {
      const dataDir = temporaryFolder(context);
      const twinDir = temporaryFolder(context);
      for (const { isOurs, add, id } of sequence) {
        const call: Step = { verb: add ? "ADD" : "DEL", containerId: `c${id}`, ipam: DUAL };
        const mixed = await (isOurs ? ours : reference)(dataDir, call);
        assert.deepEqual(meaningOf(mixed), meaningOf(await reference(twinDir, call)));
      }
      assert.deepEqual(contents(dataDir), contents(twinDir));
    }),
    { numRuns: 15 },
  );
});

test("hostLocal and the reference share one folder at once", { skip }, async (context) => {
  const { ours, reference } = setup(context);
  await using child = startHostLocalProcess();
  const dataDir = temporaryFolder(context);
  const ipam = { subnet: "10.1.0.0/27" };
  const given = new Map<string, string>();
  async function worker(name: string, call: typeof ours): Promise<void> {
    for (let round = 0; round < 40; round += 1) {
      const containerId = `${name}-${round % 7}`;
      if (round >= 7) {
        for (const [address, owner] of given) if (owner === containerId) given.delete(address);
        assert.equal((await call(dataDir, { verb: "DEL", containerId, ipam })).exitCode, 0);
      }
      const { stdout, exitCode } = await call(dataDir, { containerId, ipam });
      assert.equal(exitCode, 0, stdout);
      const [, address = ""] = /"address": "([^/]+)/.exec(stdout) ?? [];
      assert.equal(given.get(address), undefined, `${address} is given twice`);
      given.set(address, containerId);
    }
  }
  const inChild = async (...args: Parameters<typeof ours>) => {
    const output = await child.call(toCall(...args));
    assert.ok(output);
    return output;
  };
  await Promise.all([worker("a", ours), worker("b", inChild), worker("c", reference), worker("d", reference)]);
  const { lock, "last_reserved_ip.0": last, ...files } = contents(dataDir);
  assert.equal(lock, "");
  assert.ok(last);
  const expected = [...given].map(([address, containerId]) => [address, `${containerId}\r\neth0`] as const);
  assert.deepEqual(files, Object.fromEntries(expected));
});
