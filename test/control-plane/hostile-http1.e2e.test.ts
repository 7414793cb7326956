/**
 * HTTP/1.1 that can be read in two ways, or not at all: what a proxy before the server could have taken for one request
 * and the server for two. Each is refused, the connection is closed, and what is behind it is never answered.
 * Source: RFC 9112 sections 3, 5, 6, 7 and 11.2 (request smuggling).
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ApiCaller } from "./api-caller.ts";
import { createPlaneFolder, type PlaneFolder } from "./plane.ts";
import { createRawConnector, type RawConnector, textOf } from "./raw-connection.ts";
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

/** The status codes that came on one connection, until the server closed it. */
async function statusesOf(bytes: string | Buffer): Promise<readonly number[]> {
  const socket = await connector.tls();
  socket.write(bytes);
  const text = await textOf(socket);
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
}

/** What is smuggled: if anybody takes it for a request, there is a map of this name. */
const smuggledBody = '{"metadata":{"name":"smuggled"}}';
const smuggled = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggledBody.length}\r\n\r\n${smuggledBody}`;
const post = (headers: string, body: string): string => `POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
const chunk = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n`;

const refused: Readonly<Record<string, string | Buffer>> = {
  "a length and chunks": post("Content-Length: 5\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
  "chunks and a length": post("Transfer-Encoding: chunked\r\nContent-Length: 5", `0\r\n\r\n${smuggled}`),
  "two lengths": post("Content-Length: 0\r\nContent-Length: 5", smuggled),
  "two lengths in one field": post("Content-Length: 0, 5", smuggled),
  "a length with a sign": post("Content-Length: +0", smuggled),
  "a negative length": post("Content-Length: -1", smuggled),
  "a length in hexadecimal": post("Content-Length: 0x0", smuggled),
  "a length of 30 digits": post(`Content-Length: ${"9".repeat(30)}`, smuggled),
  "an empty length": post("Content-Length: ", smuggled),
  "an encoding that nobody knows": post("Transfer-Encoding: xchunked", `0\r\n\r\n${smuggled}`),
  "chunks that are not the last encoding": post("Transfer-Encoding: chunked, identity", `0\r\n\r\n${smuggled}`),
  "an encoding behind a vertical tab": post("Transfer-Encoding:\vchunked", `0\r\n\r\n${smuggled}`),
  "a space before the colon": post("Content-Length : 5", smuggled),
  "a field without a name": post(": 5", smuggled),
  "a field without a colon": post("Content-Length 5", smuggled),
  "a folded field": post("X: a\r\n b\r\nContent-Length: 0", smuggled),
  "a line feed alone between fields": post("X: a\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
  "a carriage return alone in a field": post("X: a\rTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
  "a NUL in a field": post("X: a\0b", smuggled),
  "a control character in a field": post("X: a\x01b", smuggled),
  "a chunk whose size is no number": post("Transfer-Encoding: chunked", `z\r\n${smuggled}`),
  "a chunk with a negative size": post("Transfer-Encoding: chunked", `-1\r\n${smuggled}`),
  "a chunk that is larger than a number can be": post("Transfer-Encoding: chunked", `${"f".repeat(20)}\r\n${smuggled}`),
  "a chunk that is longer than its size": post("Transfer-Encoding: chunked", `1\r\n{}\r\n0\r\n\r\n${smuggled}`),
  "a chunk with a line feed alone": post("Transfer-Encoding: chunked", `2\n{}\n0\n\n${smuggled}`),
  "a chunk with 20,000 characters of extensions": post(
    "Transfer-Encoding: chunked",
    `2;${"x".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
  ),
  "no host": "GET /version HTTP/1.1\r\n\r\n",
  "a method that is none": "G3T /version HTTP/1.1\r\nHost: x\r\n\r\n",
  "a method in small letters": "get /version HTTP/1.1\r\nHost: x\r\n\r\n",
  "a version that is none": "GET /version HTTP/1.9\r\nHost: x\r\n\r\n",
  "a request of HTTP/0.9": "GET /version\r\n\r\n",
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a line feed in the path": "GET /version\nX: y HTTP/1.1\r\nHost: x\r\n\r\n",
  "a NUL in the path": "GET /ver\0sion HTTP/1.1\r\nHost: x\r\n\r\n",
  "bytes that are no text": Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7) % 256)),
};

for (const [what, bytes] of Object.entries(refused)) {
  test(`${what}: 400, the connection is closed, and what follows is not answered`, { timeout: 90_000 }, async () => {
    assert.deepEqual(await statusesOf(bytes), [400]);
    assert.equal((await caller.call("GET", `${MAPS}/smuggled`)).status, 404);
    assert.deepEqual(plane.errors, []);
  });
}

const CLOSE = "Connection: close\r\n";

/** Each way to say it, and what it is. */
const answered: Readonly<Record<string, { readonly bytes: string; readonly statuses: readonly number[] }>> = {
  "a body of GET is a body and no request": {
    bytes: `GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}GET /version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [200, 200],
  },
  "one length twice is one length": {
    bytes: `GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${CLOSE}\r\n{}`,
    statuses: [200],
  },
  "100 requests at once are 100 answers": {
    bytes: `${"GET /version HTTP/1.1\r\nHost: x\r\n\r\n".repeat(99)}GET /version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: Array.from({ length: 100 }, () => 200),
  },
  "chunks with extensions and trailers": {
    bytes: `${post("Transfer-Encoding: chunked", `${chunk("{}").replace("\r\n", ";a=b\r\n")}0\r\nX: y\r\n\r\n`)}GET /version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [422, 200],
  },
  "the whole URL in the request line": {
    bytes: `GET https://elsewhere.example.com/version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [404],
  },
  "two spaces in the request line": {
    bytes: `GET  /version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [200],
  },
  "a path that goes up": { bytes: `GET /api/../version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [404] },
  "a path with two slashes": { bytes: `GET //version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [404] },
  "a name with a NUL": { bytes: `GET ${MAPS}/a%00b HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [404] },
  "a name that goes up": { bytes: `GET ${MAPS}/..%2f..%2fnodes HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [404] },
  "an escape that is none": { bytes: `GET ${MAPS}/%zz HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [400] },
  "an expectation that nobody knows": {
    bytes: post(`Expect: miracles\r\n${CLOSE}Content-Length: 2`, "{}"),
    statuses: [417],
  },
  TRACE: { bytes: `TRACE /version HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [405] },
  "an asterisk": { bytes: `OPTIONS * HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [404] },
  "a method that resources do not have": {
    bytes: `PROPFIND ${MAPS} HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [405],
  },
  "a tunnel": { bytes: `CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`, statuses: [] },
  "an upgrade of what is no stream": {
    bytes: `GET ${MAPS} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    statuses: [200],
  },
  "an upgrade to HTTP/2 in clear": {
    bytes: `GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAA\r\n\r\n`,
    statuses: [200],
  },
  "a URL of 20,000 characters": {
    bytes: `GET /version?${"x".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [431],
  },
  "20,000 characters of headers": {
    bytes: `GET /version HTTP/1.1\r\nHost: x\r\n${"X-Y: z\r\n".repeat(2_500)}${CLOSE}\r\n`,
    statuses: [431],
  },
  "a URL of 10,000 characters": {
    bytes: `GET /version?${"x".repeat(10_000)} HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`,
    statuses: [200],
  },
};

for (const [what, { bytes, statuses }] of Object.entries(answered)) {
  test(`${what}: ${[...new Set(statuses)]}`, { timeout: 90_000 }, async () => {
    assert.deepEqual(await statusesOf(bytes), statuses);
    assert.equal((await caller.call("GET", `${MAPS}/smuggled`)).status, 404);
    assert.deepEqual(plane.errors, []);
  });
}
