/**
 * Clients that never speak, never end, never read, or leave at the worst moment: the server lets go of each at its
 * limit, serves everybody else as before meanwhile, and does not grow.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import type { ApiCaller } from "./api-caller.ts";
import { createHttp2Caller, type Http2Caller } from "./http2-caller.ts";
import { collect, FRAME, frame, get, PREFACE, parseFrames, requestFields, settings } from "./http2-frames.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { createRandom } from "./random.ts";
import { closeOf, createRawConnector, type RawConnector, textOf } from "./raw-connection.ts";
import { createRawWatch } from "./raw-watch.ts";
import type { PlaneProcess } from "./start-process.ts";
import { MAPS } from "./write-load.ts";

/** Short, but longer than a loaded machine needs for an honest client. */
const LIMIT_MS = 3_000;
const LIMITS = {
  handshakeMs: LIMIT_MS,
  headersMs: LIMIT_MS,
  requestMs: LIMIT_MS + 1_000,
  idleMs: LIMIT_MS,
  answerMs: LIMIT_MS,
};
const MEBIBYTE = 1024 * 1024;
const TIMEOUT = { timeout: 120_000 };

let folder: PlaneFolder;
/** With the limits that it has in earnest. */
let patient: PlaneProcess;
let strict: PlaneProcess;

before(async () => {
  folder = await createPlaneFolder();
  patient = await folder.start({ port: 0, name: "patient" });
  strict = await folder.start({ port: 0, name: "strict", limits: LIMITS });
});

after(async () => {
  await patient[Symbol.asyncDispose]();
  await strict[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** An honest client of one server, and the means to be another. */
interface World extends Disposable {
  readonly plane: PlaneProcess;
  readonly caller: ApiCaller;
  readonly connector: RawConnector;
  http2(): Http2Caller;
}

function worldOf(plane: PlaneProcess): World {
  const caller = folder.callerOf(plane.port, 8);
  const { certificateAuthority: authority, admin: pair } = folder.pki;
  return {
    plane,
    caller,
    connector: createRawConnector({ port: plane.port, pki: folder.pki }),
    http2: () => createHttp2Caller({ port: plane.port, authority, pair }),
    [Symbol.dispose]: () => caller[Symbol.dispose](),
  };
}

const many = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

const HEAD = "host: x\r\naccept: application/json\r\n";
const map = (name: string, value: string): string => JSON.stringify({ metadata: { name }, data: { value } });

function assertLives({ plane }: World): void {
  assert.equal(plane.ending(), undefined);
  assert.deepEqual(plane.errors, []);
}

/** Asks and writes until the other work is over; each request is answered as it should be. */
async function serving<T>(world: World, work: Promise<T>): Promise<T> {
  const { caller } = world;
  let isOver = false;
  const over = work.finally(() => {
    isOver = true;
  });
  using http2 = world.http2();
  // Over HTTP/2 the connection itself is what others must not harm.
  const request = { method: "GET", path: "/readyz", headers: {}, body: undefined, leaves: undefined };
  do {
    const body = map("served", "x");
    assert.equal((await caller.call("POST", MAPS, { body })).status, 201);
    assert.equal((await caller.call("GET", `${MAPS}/served`)).status, 200);
    assert.equal((await caller.call("DELETE", `${MAPS}/served`)).status, 200);
    assert.equal((await http2.send(request)).status, 200);
  } while (!isOver);
  assertLives(world);
  return await over;
}

/** Sockets of the server. */
const openFiles = ({ plane }: World): number => readdirSync(`/proc/${plane.pid}/fd`).length;

/** Closing takes the server some turns of its own. */
async function assertClosed(world: World, expected: number): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  while (openFiles(world) > expected) {
    assert.ok(!deadline.aborted, `${openFiles(world)} files are open, not ${expected}`);
    await world.caller.call("GET", "/version");
  }
}

/** Goes on with small pieces for as long as the server listens. */
function drip(socket: Socket, make: (index: number) => string | Buffer): void {
  let index = 0;
  const timer = setInterval(() => {
    if (!socket.destroyed && socket.writable) socket.write(make(index++));
  }, 200);
  socket.on("close", () => clearInterval(timer));
}

type Slow = (world: World) => Promise<void>;

const ping = frame({ type: FRAME.ping, payload: Buffer.alloc(8) });

async function expectText(socket: Socket, pattern: RegExp): Promise<void> {
  assert.match(await textOf(socket), pattern);
}

/** Each ends when the server has closed the connection; none of them ever ends by itself. */
const slow: Readonly<Record<string, Slow>> = {
  "says nothing": async ({ connector }) => expectText(await connector.tcp(), /^$/),
  "begins a TLS handshake": async ({ connector }) => {
    const socket = await connector.tcp();
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    await closeOf(socket);
  },
  "drips a TLS handshake": async ({ connector }) => {
    const socket = await connector.tcp();
    socket.write(Buffer.from("1603010200010001fc0303", "hex"));
    drip(socket, () => Buffer.from([0]));
    await closeOf(socket);
  },
  "says nothing behind the handshake": async ({ connector }) =>
    expectText(await connector.tls(), /^(HTTP\/1\.1 408 |$)/),
  "never ends its headers": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`GET /version HTTP/1.1\r\n${HEAD}x: `);
    await expectText(socket, /^(HTTP\/1\.1 408 |$)/);
  },
  "drips its headers": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`GET /version HTTP/1.1\r\n${HEAD}`);
    drip(socket, (index) => `x-${index}: y\r\n`);
    await expectText(socket, /^(HTTP\/1\.1 408 |$)/);
  },
  "drips its body": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`POST ${MAPS} HTTP/1.1\r\n${HEAD}content-length: 1000\r\n\r\n`);
    drip(socket, () => " ");
    await expectText(socket, /^(HTTP\/1\.1 408 |$)/);
  },
  "drips chunks": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`POST ${MAPS} HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\n`);
    drip(socket, () => "1\r\n \r\n");
    await expectText(socket, /^(HTTP\/1\.1 408 |$)/);
  },
  "never ends a body, and has a second for it": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`POST ${MAPS}?timeout=1s HTTP/1.1\r\n${HEAD}connection: close\r\ncontent-length: 1000\r\n\r\n{`);
    await expectText(socket, /^HTTP\/1\.1 504 .*"reason":"Timeout"/s);
  },
  "never ends a body over HTTP/2, and has a second for it": async (world) => {
    using http2 = world.http2();
    const stream = http2.session.request({ ":method": "POST", ":path": `${MAPS}?timeout=1s` });
    stream.write('{"metadata":');
    let text = "";
    for await (const piece of stream.setEncoding("utf8")) text += piece;
    assert.match(text, /"reason":"Timeout".*"code":504/);
  },
  "asks once and no more": async ({ connector }) => {
    const socket = await connector.tls();
    socket.write(`GET /version HTTP/1.1\r\n${HEAD}\r\n`);
    await expectText(socket, /^HTTP\/1\.1 200 /);
  },
  "never reads a large answer": async ({ connector }) => {
    const socket = await connector.tls();
    socket.pause();
    socket.write(`GET ${MAPS} HTTP/1.1\r\n${HEAD}\r\n`);
    // A socket that reads nothing learns of its end by writing.
    drip(socket, () => "\r\n");
    await closeOf(socket);
  },
  "says nothing in HTTP/2": async ({ connector }) => closeOf((await connector.tls("h2")).resume()),
  "says no more than the preface": (world) => goneAway(world, []),
  "never ends its headers in HTTP/2": (world) =>
    goneAway(world, [frame({ type: FRAME.headers, stream: 1, payload: requestFields("GET", MAPS) })]),
  "drips pings": (world) => goneAway(world, [], () => ping),
  "asks once over HTTP/2 and no more": (world) => goneAway(world, [get("/version", 1)], () => ping),
  "opens no window for an answer": async ({ connector }) => {
    const socket = await connector.tls("h2");
    const received = collect(socket);
    socket.write(Buffer.concat([PREFACE, settings({ initialWindowSize: 0 }), get(MAPS, 1), get("/version", 3)]));
    await closeOf(socket);
    const resets = parseFrames(received()).filter(({ type }) => type === FRAME.rstStream);
    assert.deepEqual(resets.map(({ stream }) => stream).toSorted(), [1, 3]);
  },
};

/** The server must say good-bye, without blame, and close. */
async function goneAway({ connector }: World, first: readonly Buffer[], more?: () => Buffer): Promise<void> {
  const socket = await connector.tls("h2");
  const received = collect(socket);
  socket.write(Buffer.concat([PREFACE, settings(), ...first]));
  if (more !== undefined) drip(socket, more);
  await closeOf(socket);
  const goodbye = parseFrames(received()).find(({ type }) => type === FRAME.goaway);
  assert.equal(goodbye?.payload.readUInt32BE(4), 0, "no GOAWAY");
}

test("who is slow is let go of at the limit, and nobody waits for it", TIMEOUT, async () => {
  using world = worldOf(strict);
  const { caller } = world;
  for (let index = 0; index < 30; index++) {
    const body = map(`large-${index}`, "x".repeat(300_000));
    assert.equal((await caller.call("POST", MAPS, { body })).status, 201);
  }
  await many(8, () => caller.call("GET", "/version"));
  const start = openFiles(world);
  const failures: string[] = [];
  const attempt = async (what: string, run: Slow): Promise<void> => {
    await run(world).catch((error: Error) => failures.push(`who ${what}: ${error.message}`));
  };
  const all = Object.entries(slow).flatMap(([what, run]) => Array.from({ length: 5 }, () => attempt(what, run)));
  await serving(world, Promise.all(all));
  assert.deepEqual(failures, []);
  await assertClosed(world, start);
  assert.equal((await caller.call("DELETE", MAPS)).status, 200);
});

test("thousands of connections that do nothing are in nobody's way", TIMEOUT, async () => {
  using world = worldOf(patient);
  const { connector, plane } = world;
  await many(8, () => world.caller.call("GET", "/version"));
  const start = { files: openFiles(world), ...(await plane.memory()) };
  const open = async (): Promise<Socket[]> => {
    const sockets: Socket[] = await many(1_600, () => connector.tcp());
    // Some at a time: a handshake is work for both sides.
    while (sockets.length < 2_000) {
      sockets.push(...(await many(50, (index) => connector.tls(index % 2 === 0 ? "h2" : "http/1.1"))));
    }
    return sockets;
  };
  const sockets = await serving(world, open());
  assert.ok(openFiles(world) - start.files >= 400);
  const each = ((await plane.memory()).rss - start.rss) / sockets.length;
  assert.ok(each < 128 * 1024, `${each} bytes for each connection`);
  for (const socket of sockets) socket.destroy();
  await assertClosed(world, start.files);
  assertLives(world);
});

const LARGE = "x".repeat(100_000);

test("watchers that never read are cut off; readers, writers and memory are as without them", TIMEOUT, async () => {
  using world = worldOf(patient);
  const { caller, connector, plane } = world;
  const revision = Number((await caller.call("GET", `${MAPS}?limit=1`)).json.metadata.resourceVersion);
  using reader = createRawWatch(MAPS, revision);
  await reader.connect(caller);
  const start = { files: openFiles(world), ...(await plane.memory()) };
  const path = `${MAPS}?watch=true&resourceVersion=${revision}`;
  const stuck = await many(40, async (index) => {
    const isHttp2 = index % 2 === 0;
    const socket = await connector.tls(isHttp2 ? "h2" : "http/1.1");
    if (isHttp2) socket.write(Buffer.concat([PREFACE, settings({ initialWindowSize: 0 }), get(path, 1)]));
    else socket.pause().write(`GET ${path} HTTP/1.1\r\n${HEAD}connection: close\r\n\r\n`);
    return socket;
  });
  assert.equal((await caller.call("POST", MAPS, { body: map("large", LARGE) })).status, 201);
  let last = 0;
  for (let round = 0; round < 150; round++) {
    const reply = await caller.call("PUT", `${MAPS}/large`, { body: map("large", `${LARGE}${round}`) });
    assert.equal(reply.status, 200);
    last = Number(reply.json.metadata.resourceVersion);
  }
  await reader.reached(last);
  assert.equal(reader.events.length, 151);
  const grown = (await plane.memory()).rss - start.rss;
  // The kind's history has 15 MB, and each of the 40 may have a mebibyte and what the connection holds.
  assert.ok(grown < 150 * MEBIBYTE, `grown by ${grown} bytes`);
  const texts = await Promise.all(stuck.filter((_, index) => index % 2 === 1).map((socket) => textOf(socket.resume())));
  const refused = texts.filter((text) =>
    /"type":"ERROR","object":\{[^\n]*"reason":"Expired"[^\n]*"code":410\}/.test(text),
  );
  assert.ok(refused.length > 0, "none was told why");
  for (const socket of stuck) socket.destroy();
  // The honest clients may have opened some more.
  await assertClosed(world, start.files + 8);
  await caller.call("DELETE", `${MAPS}/large`);
  assertLives(world);
});

test("hundreds of clients that leave at any moment leave nothing behind", TIMEOUT, async () => {
  using world = worldOf(patient);
  const { caller, connector, plane } = world;
  await many(8, () => caller.call("GET", "/version"));
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);
  const bodies = ["{}", map("left", "x"), "", "{".repeat(100)];
  async function leave(): Promise<void> {
    const choice = random.below(4);
    if (choice < 2) {
      const socket = await connector.tcp();
      if (random.chance(0.5)) socket.write(Buffer.from("16030102000100", "hex"));
      socket.resetAndDestroy();
      return;
    }
    const socket = await connector.tls(choice === 2 ? "h2" : "http/1.1");
    if (choice === 2) {
      socket.write(PREFACE);
      socket.write(Buffer.from(Array.from({ length: 40 }, () => random.below(256))));
    } else {
      const body = random.pick(bodies);
      socket.write(`POST ${MAPS} HTTP/1.1\r\n${HEAD}content-length: ${body.length + random.below(3)}\r\n\r\n${body}`);
    }
    if (random.chance(0.5)) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
  }
  const lane = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn++) await leave();
  };
  await lane();
  const start = { files: openFiles(world), ...(await plane.memory()) };
  await serving(world, many(20, lane));
  await assertClosed(world, start.files);
  const grown = (await plane.memory()).heap - start.heap;
  assert.ok(grown < 16 * MEBIBYTE, `the heap has grown by ${grown} bytes, seed ${seed}`);
  await caller.call("DELETE", `${MAPS}/left`);
});

test("writes whose client is gone happen whole or not at all", TIMEOUT, async () => {
  using world = worldOf(patient);
  const { caller } = world;
  const random = createRandom(7);
  const names = Array.from({ length: 200 }, (_, index) => `gone-${index}`);
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
  assertLives(world);
});
