/** Configurations from outside may hold anything: a plugin serves them or refuses them with a CNI error, no third. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import { type Call, callPlugin } from "#cni/call-plugin.ts";
import { CniError } from "#cni/cni-error.ts";
import { parseJson } from "#cni/go-json.ts";
import type { Plugin } from "#cni/plugin.ts";
import { SPEC_VERSIONS } from "#cni/spec-version.ts";
import { flannel } from "./flannel.ts";
import { createAddressFolders } from "./host-local/address-folders.ts";
import { hostLocal } from "./host-local/host-local.ts";
import { staticIpam } from "./static.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";

const RUNS = 10_000;

const junk = fc.jsonValue({ maxDepth: 2 });
/** Mostly what is meant, sometimes anything. */
const mostly = <T>(good: fc.Arbitrary<T>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: junk });
const some = (model: Record<string, fc.Arbitrary<unknown>>) => fc.record(model, { requiredKeys: [] });

const address = mostly(
  fc.constantFrom(
    "10.1.0.1",
    "10.1.0.3",
    "10.1.0.6",
    "10.1.0.255",
    "fd00::",
    "fd00::5",
    "FD00::0:1",
    "",
    "::ffff:10.1.0.4",
    "01.2.3.4",
    "fe80::1%lo",
  ),
);
const prefix = mostly(
  fc.constantFrom(
    "10.1.0.0/24",
    "10.1.0.0/29",
    "10.1.0.8/29",
    "10.2.0.0/30",
    "fd00::/64",
    "fd00:1::/126",
    "0.0.0.0/0",
    "::/0",
    "10.1.0.5/24",
    "10.0.0.0/31",
    "10.0.0.0/-1",
    "::ffff:10.3.0.0/120",
    "",
  ),
);
const range = { subnet: prefix, rangeStart: address, rangeEnd: address, gateway: address };
const ranges = mostly(fc.array(mostly(fc.array(mostly(some(range)), { maxLength: 3 })), { maxLength: 3 }));
const number = mostly(fc.constantFrom(0, 1, -1, 1500, 2 ** 53, 1.5, 1e300));
const routes = mostly(
  fc.array(
    mostly(
      some({ dst: prefix, gw: address, mtu: number, advmss: number, priority: number, table: number, scope: number }),
    ),
    { maxLength: 3 },
  ),
);
const dns = mostly(some({ nameservers: mostly(fc.array(address)), domain: junk, search: junk, options: junk }));
const ips = mostly(fc.array(fc.oneof(address, prefix), { maxLength: 3 }));
const args = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "IP=10.1.0.3",
      "IP=10.1.0.1/24",
      "IP=fd00::5;GATEWAY=fd00::1",
      "IP=10.2.0.1/24, x",
      "IgnoreUnknown=1;A=b",
      "A=b",
      ";",
      "IP==",
      "IgnoreUnknown=2",
    ),
  },
  { weight: 1, arbitrary: fc.string() },
);

interface FuzzCase {
  readonly config: JsonObject;
  readonly args: string;
  readonly verb: Call["verb"];
}

/** `fixed` keeps the plugin inside the test's folder, whatever else is in the configuration. */
function fuzzCases(model: Record<string, fc.Arbitrary<unknown>>, fixed: (config: JsonObject) => JsonObject) {
  const config = some({
    ...model,
    cniVersion: mostly(fc.constantFrom(...SPEC_VERSIONS)),
    args: mostly(some({ cni: mostly(some({ ips })) })),
    runtimeConfig: mostly(some({ ips, ipRanges: ranges })),
    prevResult: mostly(some({ ips: mostly(fc.array(some({ address: prefix, gateway: address }))), routes })),
    "cni.dev/valid-attachments": mostly(fc.array(some({ containerID: junk, ifname: junk }))),
  });
  const verb = fc.constantFrom<Call["verb"]>("ADD", "ADD", "ADD", "DEL", "CHECK", "GC", "STATUS");
  return fc.record({ config, args, verb }).map(({ config, ...rest }): FuzzCase => {
    // What a generator makes is JSON once it has been text.
    const json = { ...(parseJson(JSON.stringify(config)) as JsonObject), name: "net", type: "x" };
    return { ...rest, config: { ...json, ...fixed(json) } };
  });
}

function withFixed(json: JsonObject, key: string, fixed: JsonObject): JsonObject {
  const value = json[key];
  return isJsonObject(value) ? { [key]: { ...value, ...fixed } } : {};
}

function contents(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "utf8")]),
  );
}

async function fuzz<Host>(
  plugin: Plugin<Host>,
  host: Host,
  folder: string,
  cases: fc.Arbitrary<FuzzCase>,
): Promise<void> {
  const outcomes = { served: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(cases, async ({ config, args, verb }) => {
      const before = contents(folder);
      const network = { args, path: "", environment: {} };
      const container = { ...network, containerId: `c${outcomes.served}`, netns: "/none", ifname: "eth0" };
      const call: Call =
        verb === "GC" || verb === "STATUS"
          ? { verb, request: network, json: config }
          : { verb, request: container, json: config };
      try {
        await callPlugin(plugin, call, () => host);
        outcomes.served += 1;
      } catch (error) {
        assert.ok(error instanceof CniError, `${error}`);
        assert.ok(Number.isInteger(error.code) && error.code > 0 && error.message !== "");
        // GC goes on through errors.
        if (verb !== "GC") assert.deepEqual(contents(folder), before);
        outcomes.refused += 1;
      }
      // Every so often from the start, so that ranges are empty, used and exhausted.
      if (outcomes.served % 50 === 49) rmSync(join(folder, "state"), { recursive: true, force: true });
    }),
    { numRuns: RUNS },
  );
  assert.ok(outcomes.served > RUNS / 20 && outcomes.refused > RUNS / 20, JSON.stringify(outcomes));
}

test("hostLocal serves or refuses any configuration", async (context) => {
  const folder = temporaryFolder(context);
  using addressFolders = createAddressFolders({ cacheDir: join(folder, "cache") });
  const resolvConf = mostly(fc.constantFrom("", "/etc/resolv.conf", "/none"));
  const ipam = mostly(some({ ...range, ranges, routes, resolvConf }));
  const cases = fuzzCases({ ipam }, (json) => withFixed(json, "ipam", { dataDir: join(folder, "state") }));
  // Without `ipam`, DEL and GC would look into the default folder; ADD refuses.
  const inFolder = cases.map((one) => (isJsonObject(one.config["ipam"]) ? one : { ...one, verb: "ADD" as const }));
  await fuzz(hostLocal, { addressFolders }, folder, inFolder);
});

test("staticIpam serves or refuses any configuration", async (context) => {
  const addresses = mostly(fc.array(mostly(some({ address: prefix, gateway: address })), { maxLength: 3 }));
  const ipam = mostly(some({ addresses, routes, dns }));
  await fuzz(
    staticIpam,
    undefined,
    temporaryFolder(context),
    fuzzCases({ ipam }, () => ({})),
  );
});

test("flannel serves or refuses any configuration", async (context) => {
  const folder = temporaryFolder(context);
  const good = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";
  writeFileSync(join(folder, "good.env"), good);
  writeFileSync(join(folder, "bad.env"), `${good}FLANNEL_IPV6_SUBNET=x\n`);
  const subnetFile = mostly(
    fc.constantFrom(...["good.env", "good.env", "bad.env", "none"].map((name) => join(folder, name))),
  );
  const delegate = mostly(
    some({ type: mostly(fc.constantFrom("bridge", "ptp")), mtu: junk, name: fc.constant(null), x: junk }),
  );
  const ipam = mostly(some({ type: junk, routes }));
  const cases = fuzzCases({ subnetFile, delegate, ipam }, () => ({ dataDir: join(folder, "state") }));
  const nothing = async () => undefined;
  const host = { delegate: { add: async () => ({}), del: nothing, check: nothing, gc: nothing, status: nothing } };
  await fuzz(flannel, host, folder, cases);
});
