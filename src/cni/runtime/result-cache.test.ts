import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type CachedAttachment,
  listCachedAttachments,
  readCachedResult,
  removeCachedResult,
  writeCachedResult,
} from "./result-cache.ts";

function cacheDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "podwire-cache-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

const ATTACHMENT: CachedAttachment = {
  network: "net",
  containerId: "c1",
  ifname: "eth0",
  netns: "/run/netns/pod",
  args: [["IgnoreUnknown", "1"]],
  capabilityArgs: { portMappings: [{ hostPort: 8080 }] },
  source: '{"name":"net"}',
};

const JSON_RESULT = { cniVersion: "0.4.0", ips: [{ version: "4", address: "10.0.0.5/8" }], dns: {} };
const RESULT = { version: "0.4.0", json: JSON_RESULT, result: { ips: [{ address: "10.0.0.5/8" }] } };

/** As libcni writes it: cacheAdd of v1.3.0. */
const FILE =
  '{"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoibmV0In0=","ifName":"eth0","networkName":"net",' +
  '"netns":"/run/netns/pod","cniArgs":[["IgnoreUnknown","1"]],"capabilityArgs":{"portMappings":[{"hostPort":8080}]},' +
  '"result":{"cniVersion":"0.4.0","dns":{},"ips":[{"address":"10.0.0.5/8","version":"4"}]}}';

function writeFile(directory: string, content: string): string {
  const file = join(directory, "results", "net-c1-eth0");
  mkdirSync(join(directory, "results"), { recursive: true });
  writeFileSync(file, content);
  return file;
}

test("writeCachedResult writes place, format and modes of libcni, and leaves nothing else", async (context) => {
  const directory = cacheDirectory(context);
  await writeCachedResult(directory, ATTACHMENT, RESULT);
  const file = join(directory, "results", "net-c1-eth0");
  assert.equal(readFileSync(file, "utf8"), FILE);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(directory, "results")).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(directory), ["results"]);
});

test("writeCachedResult leaves out what is empty, and replaces what was there", async (context) => {
  const directory = cacheDirectory(context);
  await writeCachedResult(directory, ATTACHMENT, RESULT);
  const { args: _args, capabilityArgs: _capabilityArgs, ...bare } = ATTACHMENT;
  await writeCachedResult(directory, { ...bare, netns: "" }, RESULT);
  const file = join(directory, "results", "net-c1-eth0");
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, "utf8"))), [
    "kind",
    "containerId",
    "config",
    "ifName",
    "networkName",
    "result",
  ]);
});

test("writeCachedResult removes its temporary file when it fails", async (context) => {
  const directory = cacheDirectory(context);
  mkdirSync(join(directory, "results", "net-c1-eth0", "x"), { recursive: true });
  await assert.rejects(writeCachedResult(directory, ATTACHMENT, RESULT));
  assert.deepEqual(readdirSync(directory), ["results"]);
});

test("readCachedResult reads what libcni has written", async (context) => {
  const directory = cacheDirectory(context);
  writeFile(directory, FILE);
  assert.deepEqual(await readCachedResult(directory, ATTACHMENT), RESULT);
});

test("readCachedResult reads the older form, which is the result alone", async (context) => {
  const directory = cacheDirectory(context);
  writeFile(directory, JSON.stringify(JSON_RESULT));
  assert.deepEqual(await readCachedResult(directory, ATTACHMENT), RESULT);
});

test("readCachedResult gives undefined when there is no file", async (context) => {
  assert.equal(await readCachedResult(cacheDirectory(context), ATTACHMENT), undefined);
});

for (let length = 0; length < FILE.length; length += 25) {
  test(`readCachedResult removes a file that was cut after ${length} bytes`, async (context) => {
    const directory = cacheDirectory(context);
    writeFile(directory, FILE.slice(0, length));
    assert.equal(await readCachedResult(directory, ATTACHMENT), undefined);
    assert.deepEqual(readdirSync(join(directory, "results")), []);
  });
}

for (const content of ["\0".repeat(100), "[]", '{"kind":"cniCacheV1","result":5}', '{"cniVersion":"9.0.0"}']) {
  test(`readCachedResult removes a file of ${JSON.stringify(content.slice(0, 20))}`, async (context) => {
    const directory = cacheDirectory(context);
    writeFile(directory, content);
    assert.equal(await readCachedResult(directory, ATTACHMENT), undefined);
    assert.deepEqual(readdirSync(join(directory, "results")), []);
  });
}

test("removeCachedResult removes the file, any number of times", async (context) => {
  const directory = cacheDirectory(context);
  writeFile(directory, FILE);
  await removeCachedResult(directory, ATTACHMENT);
  await removeCachedResult(directory, ATTACHMENT);
  assert.deepEqual(readdirSync(join(directory, "results")), []);
});

test("listCachedAttachments lists what can be understood", async (context) => {
  const directory = cacheDirectory(context);
  assert.deepEqual(await listCachedAttachments(directory), []);
  writeFile(directory, FILE);
  writeFileSync(join(directory, "results", "net-c2-eth0"), FILE.slice(0, 50));
  writeFileSync(join(directory, "results", "net-c3-eth0"), JSON.stringify(JSON_RESULT));
  assert.deepEqual(await listCachedAttachments(directory), [ATTACHMENT]);
});

for (const change of [{ network: "" }, { containerId: "" }, { ifname: "" }, { containerId: "../../x" }]) {
  test(`the cache refuses an attachment with ${JSON.stringify(change)}`, async (context) => {
    const attachment = { ...ATTACHMENT, ...change };
    await assert.rejects(readCachedResult(cacheDirectory(context), attachment), /cache file path requires/);
  });
}
