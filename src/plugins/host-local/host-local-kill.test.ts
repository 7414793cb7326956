/** A process that is killed behind any step on disk leaves nothing that hurts: no address twice, none lost. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { callOurs, callReference, type RuntimeCall, skipWithoutReference } from "../testing/call-plugin-as-runtime.ts";
import { startHostLocalProcess } from "../testing/host-local-process.ts";
import { temporaryFolder } from "../testing/temporary-folder.ts";
import { createAddressFolders } from "./address-folders.ts";
import { hostLocal } from "./host-local.ts";

/** 5 and 6 addresses besides the gateways. */
const RANGES = [[{ subnet: "10.1.0.0/29" }], [{ subnet: "fd00::/125" }]];
const CAPACITY = 5;

type Given = Map<string, readonly string[]>;

function toCall(dataDir: string, call: Omit<RuntimeCall, "config">, extra: JsonObject = {}): RuntimeCall {
  const ipam = { dataDir, ranges: RANGES };
  return {
    ...call,
    config: { cniVersion: call.verb === "GC" ? "1.1.0" : "1.0.0", name: "net", type: "x", ipam, ...extra },
  };
}

function addressesIn(stdout: string): readonly string[] {
  return [...stdout.matchAll(/"address": "([^/]+)\//g)].map(([, address = ""]) => address);
}

/** What a runtime knows to be given when the process is killed; undefined when it survives all calls. */
async function runUntilKilled(dataDir: string, step: number): Promise<Given | undefined> {
  const given: Given = new Map();
  const calls: readonly RuntimeCall[] = [
    toCall(dataDir, { containerId: "c1" }),
    toCall(dataDir, { containerId: "c2" }),
    toCall(dataDir, { verb: "DEL", containerId: "c1" }),
    toCall(dataDir, { verb: "GC" }, { "cni.dev/valid-attachments": [] }),
  ];
  await using child = startHostLocalProcess({ step, folder: dataDir });
  for (const call of calls) {
    if (call.verb === "DEL") given.delete("c1");
    if (call.verb === "GC") given.clear();
    const output = await child.call(call);
    if (output === undefined) return given;
    assert.equal(output.exitCode, 0, output.stdout);
    if (call.verb === undefined) given.set(call.containerId ?? "", addressesIn(output.stdout));
  }
  return undefined;
}

async function assertNothingLost(context: TestContext, dataDir: string, given: Given): Promise<void> {
  const addressFolders = createAddressFolders();
  context.after(() => addressFolders[Symbol.dispose]());
  const ours = (call: RuntimeCall) => callOurs(hostLocal, { addressFolders }, call);
  for (const [containerId, addresses] of given) {
    for (const address of addresses) {
      assert.equal(readFileSync(join(dataDir, "net", address), "utf8"), `${containerId}\r\neth0`);
    }
  }
  const taken = new Set([...given.values()].flat());
  for (let index = 0; index < CAPACITY; index += 1) {
    const { stdout } = await ours(toCall(dataDir, { containerId: `n${index}` }));
    for (const address of addressesIn(stdout)) {
      assert.ok(!taken.has(address), `${address} is given twice`);
      taken.add(address);
    }
  }
  // A runtime deletes what it has added, and what it does not know whether it has.
  const containerIds = ["c1", "c2", ...Array.from({ length: CAPACITY }, (_, index) => `n${index}`)];
  for (const containerId of containerIds) await ours(toCall(dataDir, { verb: "DEL", containerId }));
  const left = readdirSync(join(dataDir, "net")).filter((name) => !/^(lock|last_reserved_ip\.[01])$/.test(name));
  assert.deepEqual(left, []);
  for (let index = 0; index < CAPACITY; index += 1) {
    assert.equal((await ours(toCall(dataDir, { containerId: `m${index}` }))).exitCode, 0);
  }
}

test("hostLocal can be killed behind any step on disk", async (context) => {
  const skipReference = skipWithoutReference("host-local");
  let kills = 0;
  for (let step = 1; ; step += 1) {
    const dataDir = temporaryFolder(context);
    // A folder that another killed process has left.
    mkdirSync(join(dataDir, "net"));
    writeFileSync(join(dataDir, "net", "10.1.0.3"), "");
    const given = await runUntilKilled(dataDir, step);
    if (given === undefined) break;
    kills += 1;
    if (skipReference === false) {
      const { stdout, exitCode } = await callReference("host-local", toCall(dataDir, { containerId: "n0" }));
      assert.equal(exitCode, 0, stdout);
      const addresses = addressesIn(stdout);
      assert.ok(![...given.values()].flat().some((address) => addresses.includes(address)));
      await callReference("host-local", toCall(dataDir, { verb: "DEL", containerId: "n0" }));
    }
    await assertNothingLost(context, dataDir, given);
  }
  assert.ok(kills > 30, `only ${kills} steps`);
});
