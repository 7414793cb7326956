import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { isErrno } from "../kernel-error.ts";
import { listenStream, type StreamServerOptions } from "./stream-server.ts";

const TOO_LARGE = Buffer.from("too large");
/** More than a unix socket holds. */
const LARGE = Buffer.alloc(4 * 1024 * 1024, "x");

async function withServer(answer: StreamServerOptions["answer"], body: (path: string) => Promise<void>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-stream-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "server.sock");
  stack.use(listenStream({ path, maxRequestBytes: 2 * LARGE.length, tooLarge: TOO_LARGE, answer }));
  await body(path);
}

test("listenStream answers each connection, however its request is cut into pieces", () =>
  withServer(
    async (request) => Buffer.from(`<${request}>`),
    async (path) => {
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const socket = createConnection(path);
      for (const piece of ["a", "b", "c"]) {
        await new Promise((resolve) => socket.write(piece, resolve));
      }
      socket.end();
      assert.equal(String(await buffer(socket)), "<abc>");
      assert.equal(String(await buffer(createConnection(path).end("whole"))), "<whole>");
    },
  ));

test("listenStream sends an answer that the socket does not hold as fast as it is read", () =>
  withServer(
    async () => LARGE,
    async (path) => {
      const late = createConnection(path).end("a");
      late.pause();
      assert.ok((await buffer(createConnection(path).end("b"))).equals(LARGE));
      assert.ok((await buffer(late)).equals(LARGE));
    },
  ));

test("listenStream takes requests that the socket does not hold, and refuses those over the limit", () =>
  withServer(
    async (request) => Buffer.from(String(request.length)),
    async (path) => {
      assert.equal(String(await buffer(createConnection(path).end(LARGE))), String(LARGE.length));
      const tooMuch = Buffer.concat([LARGE, LARGE, Buffer.alloc(1)]);
      assert.ok((await buffer(createConnection(path).end(tooMuch))).equals(TOO_LARGE));
    },
  ));

test("listenStream does not mind peers that are gone before their answer", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const answer = async (request: Buffer): Promise<Buffer> => {
    if (String(request) === "gone") {
      begun.resolve();
      await gate.promise;
      return LARGE;
    }
    return request;
  };
  await withServer(answer, async (path) => {
    const socket = createConnection(path).end("gone");
    await begun.promise;
    socket.destroy();
    await once(socket, "close");
    gate.resolve();
    assert.equal(String(await buffer(createConnection(path).end("next"))), "next");
  });
});

test("listenStream leaves nothing behind, and refuses a path that is too long for a socket", async () => {
  let used = "";
  await withServer(
    async (request) => request,
    async (path) => {
      used = path;
    },
  );
  assert.equal(existsSync(used), false);
  const path = `/tmp/${"x".repeat(120)}`;
  const options = { path, maxRequestBytes: 1, tooLarge: TOO_LARGE, answer: async () => TOO_LARGE };
  assert.throws(
    () => listenStream(options),
    (error) => isErrno(error, "ENAMETOOLONG"),
  );
});
