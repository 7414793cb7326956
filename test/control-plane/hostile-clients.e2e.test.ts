/**
 * Clients that never speak, never end, never read, or leave at the worst moment: the server serves everybody else as
 * before, gets rid of them, and does not grow.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiCaller } from "./api-caller.ts";
import { createHttp2Caller } from "./http2-caller.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { createRandom } from "./random.ts";
import { createRawConnector, type RawConnector, textOf } from "./raw-connection.ts";
import { createRawWatch } from "./raw-watch.ts";
import type { PlaneProcess } from "./start-process.ts";
import { MAPS } from "./write-load.ts";

let folder: PlaneFolder;
let plane: PlaneProcess;
let caller: ApiCaller;
let connector: RawConnector;

before(async () => {
  folder = await createPlaneFolder();
  plane = await folder.start({ port: 0 });
  caller = folder.callerOf(plane.port, 8);
  connector = createRawConnector({ port: plane.port, pki: folder.pki });
});

after(async () => {
  caller[Symbol.dispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const many = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

const HEAD = "host: x\r\naccept: application/json\r\n";
const map = (name: string, value: string): string => JSON.stringify({ metadata: { name }, data: { value } });

/** It serves, nothing is logged as its fault. */
async function assertServes(): Promise<void> {
  assert.equal((await caller.call("GET", "/api/v1/namespaces/default")).status, 200);
  assert.equal(plane.ending(), undefined);
  assert.deepEqual(plane.errors, []);
}

/** Open files of the server. */
const openFiles = (): number => readdirSync(`/proc/${plane.pid}/fd`).length;

/** Closing takes the server some turns of its own. */
async function assertClosed(expected: number): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  while (openFiles() > expected) {
    assert.ok(!deadline.aborted, `${openFiles()} files are open, not ${expected}`);
    await caller.call("GET", "/version");
  }
}

test("connections that say nothing, or never end their headers, are cut, and nobody waits for them", { timeout: 120_000 }, async () => {
  await many(8, () => caller.call("GET", "/version"));
  const start = openFiles();
  const silent = await many(300, () => connector.tcp());
  const hello = await many(50, () => connector.tcp());
  for (const socket of hello) socket.write(Buffer.from("1603010200010001fc0303", "hex"));
  const endless = await many(50, () => connector.tls());
  for (const [index, socket] of endless.entries()) socket.write(`GET /version HTTP/1.1\r\n${HEAD}x-${index}: `);
  await assertServes();
  await Promise.all([...silent, ...hello].map(textOf));
  const answers = await Promise.all(endless.map(textOf));
  for (const text of answers) assert.match(text, /^(HTTP\/1\.1 408 |$)/);
  await assertServes();
  await assertClosed(start);
});

test("bodies that never end are given up when the request's time is over", { timeout: 60_000 }, async () => {
  const sockets = await many(30, () => connector.tls());
  for (const socket of sockets) {
    socket.write(`POST ${MAPS}?timeout=1s HTTP/1.1\r\n${HEAD}connection: close\r\ncontent-length: 1000\r\n\r\n{"metadata":`);
  }
  using http2 = createHttp2Caller({ port: plane.port, authority: folder.pki.certificateAuthority, pair: folder.pki.admin });
  const streams = Array.from({ length: 30 }, () => {
    const stream = http2.session.request({ ":method": "POST", ":path": `${MAPS}?timeout=1s` });
    stream.write('{"metadata":');
    return stream;
  });
  await assertServes();
  for (const text of await Promise.all(sockets.map(textOf))) assert.match(text, /^HTTP\/1\.1 504 .*"reason":"Timeout"/s);
  for (const stream of streams) {
    let text = "";
    for await (const piece of stream.setEncoding("utf8")) text += piece;
    assert.match(text, /"reason":"Timeout".*"code":504/);
  }
  await assertServes();
});

const LARGE = "x".repeat(100_000);

test("watchers that never read are cut with 410; readers, writers and memory are as without them", { timeout: 120_000 }, async () => {
  const revision = Number((await caller.call("GET", `${MAPS}?limit=1`)).json.metadata.resourceVersion);
  using reader = createRawWatch(MAPS, revision);
  await reader.connect(caller);
  const stuck = await many(40, () => connector.tls());
  for (const socket of stuck) {
    socket.pause();
    socket.write(`GET ${MAPS}?watch=true HTTP/1.1\r\n${HEAD}\r\n`);
  }
  const before = await plane.memory();
  assert.equal((await caller.call("POST", MAPS, { body: map("large", LARGE) })).status, 201);
  let last = 0;
  for (let round = 0; round < 150; round++) {
    const reply = await caller.call("PUT", `${MAPS}/large`, { body: map("large", `${LARGE}${round}`) });
    assert.equal(reply.status, 200);
    last = Number(reply.json.metadata.resourceVersion);
  }
  await reader.reached(last);
  assert.equal(reader.events.length, 151);
  const grown = (await plane.memory()).rss - before.rss;
  // The history of the kind is 15 MB, and each of the 40 may have a mebibyte.
  assert.ok(grown < 200 * 1024 * 1024, `grown by ${grown} bytes`);
  const texts = await Promise.all(stuck.map((socket) => textOf(socket.resume())));
  const refused = texts.filter((text) => /"type":"ERROR","object":\{[^\n]*"reason":"Expired"[^\n]*"code":410\}/.test(text));
  assert.ok(refused.length > 0, "none was told why");
  await caller.call("DELETE", `${MAPS}/large`);
  await assertServes();
});

test("thousands of clients that leave at any moment leave nothing behind", { timeout: 120_000 }, async () => {
  await many(8, () => caller.call("GET", "/version"));
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  await assertClosed(openFiles());
  const start = openFiles();
  const bodies = ["{}", map("left", "x"), "", "{".repeat(100)];
  async function leave(): Promise<void> {
    const choice = random.below(4);
    if (choice === 0) {
      const socket = await connector.tcp();
      if (random.chance(0.5)) socket.write(Buffer.from("16030102000100", "hex"));
      socket.resetAndDestroy();
      return;
    }
    const socket = await connector.tls(choice === 1 ? "h2" : "http/1.1");
    if (choice === 1) socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    if (choice === 1) socket.write(Buffer.from(Array.from({ length: 40 }, () => random.below(256))));
    else {
      const body = random.pick(bodies);
      socket.write(`POST ${MAPS} HTTP/1.1\r\n${HEAD}content-length: ${body.length + random.below(3)}\r\n\r\n${body}`);
    }
    if (random.chance(0.5)) await delay(random.below(3));
    socket.destroy();
  }
  async function lane(): Promise<void> {
    for (let turn = 0; turn < 60; turn++) await leave();
  }
  const before = await plane.memory();
  await many(40, lane);
  await assertClosed(start);
  const grown = (await plane.memory()).heap - before.heap;
  assert.ok(grown < 32 * 1024 * 1024, `the heap has grown by ${grown} bytes, seed ${seed}`);
  await caller.call("DELETE", `${MAPS}/left`);
  await assertServes();
});

test("writes whose client is gone happen whole or not at all", { timeout: 60_000 }, async () => {
  const random = createRandom(7);
  const names = Array.from({ length: 300 }, (_, index) => `gone-${index}`);
  await Promise.all(
    names.map(async (name) => {
      const leaving = AbortSignal.timeout(random.below(60));
      await caller.call("POST", MAPS, { body: map(name, name), signal: leaving }).catch(() => undefined);
    }),
  );
  for (const name of names) {
    const { status, json } = await caller.call("GET", `${MAPS}/${name}`);
    assert.ok(status === 404 || json.data.value === name, `${name}: ${status}`);
  }
  assert.equal((await caller.call("DELETE", MAPS)).status, 200);
  await assertServes();
});
