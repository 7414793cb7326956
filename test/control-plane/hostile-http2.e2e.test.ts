/** What HTTP/2 lets a hostile client do: floods, frames that are none, headers that never end, streams that are reset. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { ApiCaller } from "./api-caller.ts";
import { createHttp2Caller } from "./http2-caller.ts";
import {
  collect,
  END_HEADERS,
  END_STREAM,
  FRAME,
  field,
  frame,
  get,
  goawayCode,
  PREFACE,
  parseFrames,
  requestFields,
  settings,
} from "./http2-frames.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { closeOf, createRawConnector, type RawConnector } from "./raw-connection.ts";
import type { PlaneProcess } from "./start-process.ts";
import { MAPS } from "./write-load.ts";

let folder: PlaneFolder;
let plane: PlaneProcess;
let caller: ApiCaller;
let connector: RawConnector;

before(async () => {
  folder = await createPlaneFolder();
  plane = await folder.start({ port: 0 });
  caller = folder.callerOf(plane.port, 4);
  connector = createRawConnector({ port: plane.port, pki: folder.pki });
});

after(async () => {
  caller[Symbol.dispose]();
  await plane[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** RFC 9113 section 7. */
const CODE = {
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  frameSizeError: 6,
  compressionError: 9,
} as const;

interface Answered {
  /** Of the GOAWAY; undefined when the connection was cut without. */
  readonly code: number | undefined;
  readonly frames: ReturnType<typeof parseFrames>;
}

/** Writes everything, as far as the server takes it, and gives what came until the server closed. */
async function provoke(bytes: Iterable<Buffer>): Promise<Answered> {
  const socket = await connector.tls("h2");
  const received = collect(socket);
  const closed = closeOf(socket);
  for (const piece of bytes) await send(socket, piece);
  await closed;
  return { code: goawayCode(received()), frames: parseFrames(received()) };
}

async function send(socket: TLSSocket, piece: Buffer): Promise<void> {
  if (socket.destroyed || socket.writableEnded || socket.write(piece)) return;
  const stop = new AbortController();
  const { signal } = stop;
  await Promise.race(["drain", "close"].map((event) => once(socket, event, { signal }).catch(() => undefined)));
  stop.abort();
}

/** While a client does its worst, another one asks over both protocols and is answered. */
async function beside<T>(worst: Promise<T>): Promise<T> {
  using http2 = createHttp2Caller({
    port: plane.port,
    authority: folder.pki.certificateAuthority,
    pair: folder.pki.admin,
  });
  const request = { method: "GET", path: MAPS, headers: {}, body: undefined, leaves: undefined };
  let isOver = false;
  const over = worst.finally(() => {
    isOver = true;
  });
  do {
    assert.equal((await http2.send(request)).status, 200);
    assert.equal((await caller.call("GET", MAPS)).status, 200);
  } while (!isOver);
  assert.equal(plane.ending(), undefined);
  assert.deepEqual(plane.errors, []);
  return await over;
}

function* repeated(count: number, make: (index: number) => Buffer): Generator<Buffer> {
  // In pieces of some size: each frame alone would cost the test more than the server.
  for (let from = 0; from < count; from += 200) {
    yield Buffer.concat(Array.from({ length: Math.min(200, count - from) }, (_, index) => make(from + index)));
  }
}

const HELLO = [PREFACE, settings()];
const onStream = (index: number): number => 2 * index + 1;
const openHeaders = (stream: number, flags = 0): Buffer =>
  frame({ type: FRAME.headers, flags, stream, payload: requestFields("GET", MAPS) });
const reset = (stream: number): Buffer => frame({ type: FRAME.rstStream, stream, payload: Buffer.from([0, 0, 0, 8]) });
const ping = (): Buffer => frame({ type: FRAME.ping, payload: Buffer.alloc(8) });
const continuation = (payload: Buffer): Buffer => frame({ type: FRAME.continuation, stream: 1, payload });

interface HostileCase {
  readonly bytes: () => Iterable<Buffer>;
  /** How the server says good-bye; undefined: it may say nothing. */
  readonly code: number | undefined;
}

const cases: Readonly<Record<string, HostileCase>> = {
  "resets each of 20,000 streams at once": {
    bytes: () => [
      ...HELLO,
      ...repeated(20_000, (index) => Buffer.concat([get(MAPS, onStream(index)), reset(onStream(index))])),
    ],
    code: undefined,
  },
  "never ends its headers": {
    bytes: () => [
      ...HELLO,
      openHeaders(1),
      ...repeated(100_000, (index) => continuation(field(`x-${index}`, "y".repeat(100)))),
    ],
    code: undefined,
  },
  "sends empty continuations": {
    bytes: () => [...HELLO, openHeaders(1), ...repeated(100_000, () => continuation(Buffer.alloc(0)))],
    code: undefined,
  },
  "speaks no HTTP/2": { bytes: () => [Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")], code: CODE.internalError },
  "begins with a frame instead of the preface": { bytes: () => [settings(), get(MAPS, 1)], code: CODE.internalError },
  "announces a frame of 16 MiB": {
    bytes: () => [...HELLO, frame({ type: FRAME.data, stream: 1, length: 2 ** 24 - 1 })],
    code: CODE.frameSizeError,
  },
  "sends data on no stream": {
    bytes: () => [...HELLO, frame({ type: FRAME.data, stream: 0, payload: Buffer.alloc(8) })],
    code: CODE.protocolError,
  },
  "opens a stream with an even number": { bytes: () => [...HELLO, get(MAPS, 2)], code: CODE.protocolError },
  "continues headers that it has not begun": {
    bytes: () => [...HELLO, continuation(Buffer.alloc(4))],
    code: CODE.protocolError,
  },
  "sends settings of half a length": {
    bytes: () => [...HELLO, frame({ type: FRAME.settings, payload: Buffer.alloc(5) })],
    code: CODE.frameSizeError,
  },
  "sends a window that is too large": {
    bytes: () => [PREFACE, settings({ initialWindowSize: 2 ** 31 })],
    code: CODE.flowControlError,
  },
  "sends header fields that are none": {
    bytes: () => [
      ...HELLO,
      frame({ type: FRAME.headers, flags: END_HEADERS | END_STREAM, stream: 1, payload: Buffer.alloc(20, 0xff) }),
    ],
    code: CODE.compressionError,
  },
  "pushes to the server": {
    bytes: () => [
      ...HELLO,
      openHeaders(1, END_HEADERS),
      frame({ type: FRAME.push, stream: 1, payload: Buffer.alloc(8) }),
    ],
    code: CODE.protocolError,
  },
};

for (const [what, { bytes, code }] of Object.entries(cases)) {
  test(`who ${what} is sent away`, { timeout: 120_000 }, async () => {
    const answered = await beside(provoke(bytes()));
    if (code !== undefined) assert.equal(answered.code, code);
  });
}

/** Floods that need an answer each, from clients that do not read them. */
const floods: Readonly<Record<string, () => Buffer>> = {
  pings: ping,
  settings: () => settings({ headerTableSize: 4096 }),
};

for (const [what, make] of Object.entries(floods)) {
  test(`who floods with ${what} and reads no answer is cut off, and the memory stays`, {
    timeout: 120_000,
  }, async () => {
    const start = await plane.memory();
    const flood = async (): Promise<void> => {
      const socket = await connector.tls("h2");
      socket.pause();
      const closed = closeOf(socket);
      for (const piece of [...HELLO, ...repeated(400_000, make)]) await send(socket, piece);
      // A paused socket learns that it was closed by writing only.
      assert.ok(socket.destroyed, "it may go on");
      await closed;
    };
    await beside(Promise.all([flood(), flood()]));
    const grown = (await plane.memory()).rss - start.rss;
    assert.ok(grown < 64 * 1024 * 1024, `grown by ${grown} bytes`);
  });
}

test("streams that go wrong are refused, and the connection goes on", async () => {
  const socket = await connector.tls("h2");
  const received = collect(socket);
  const head = (stream: number, fields: readonly Buffer[]) =>
    frame({ type: FRAME.headers, flags: END_HEADERS | END_STREAM, stream, payload: Buffer.concat(fields) });
  const wrong = [
    [field(":method", "GET"), field(":path", MAPS)],
    [requestFields("GET", MAPS), field("Upper", "x")],
    [requestFields("GET", MAPS), field("connection", "close")],
    [requestFields("GET", MAPS), field("transfer-encoding", "chunked")],
    [field("x-first", "1"), requestFields("GET", MAPS)],
    [requestFields("GET", MAPS), field(":path", "/version")],
    [requestFields("GET", ""), field("x", "y")],
    [requestFields("POST", MAPS), field("content-length", "5")],
  ];
  socket.write(Buffer.concat([...HELLO, ...wrong.map((fields, index) => head(onStream(index), fields))]));
  const last = onStream(wrong.length);
  socket.write(get("/version", last));
  const isAnswered = (): boolean =>
    parseFrames(received()).some(
      ({ type, stream, flags }) => type === FRAME.data && stream === last && flags & END_STREAM,
    );
  while (!isAnswered()) await once(socket, "data", { signal: AbortSignal.timeout(30_000) });
  const resets = parseFrames(received()).filter(({ type }) => type === FRAME.rstStream);
  assert.deepEqual(
    resets.map(({ stream, payload }) => [stream, payload.readUInt32BE()]).toSorted(([a = 0], [b = 0]) => a - b),
    wrong.map((_, index) => [onStream(index), CODE.protocolError]),
  );
  socket.destroy();
  assert.deepEqual(plane.errors, []);
});

test("thousands of streams that are opened and left, over many connections, leave nothing", {
  timeout: 120_000,
}, async () => {
  const round = async (): Promise<void> => {
    using http2 = createHttp2Caller({
      port: plane.port,
      authority: folder.pki.certificateAuthority,
      pair: folder.pki.admin,
    });
    const request = {
      method: "GET",
      path: `${MAPS}?watch=true`,
      headers: {},
      body: undefined,
      leaves: "early",
    } as const;
    // Fewer than nghttp2 takes for a flood.
    await Promise.all(Array.from({ length: 400 }, () => http2.send(request)));
  };
  await round();
  const start = await plane.memory();
  for (let turn = 0; turn < 10; turn++) await beside(round());
  const grown = (await plane.memory()).heap - start.heap;
  assert.ok(grown < 8 * 1024 * 1024, `the heap has grown by ${grown} bytes`);
});
