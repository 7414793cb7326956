import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { decodeReply, encodeRequest, type LauncherRequest } from "./launcher-protocol.ts";
import { type LauncherHandler, listenLocal } from "./local-server.ts";

const request: LauncherRequest = { plugin: "bridge", environment: { A: "1" }, stdin: Buffer.from("{}") };
const answer = { exitCode: 0, stdout: "answer", stderr: "" };
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

interface Scene extends AsyncDisposable {
  readonly path: string;
  readonly requests: readonly LauncherRequest[];
  connect(): Promise<Socket>;
  closeServer(): Promise<void>;
}

async function createScene(handle: LauncherHandler = async () => answer): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-local-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "agent.sock");
  const requests: LauncherRequest[] = [];
  const server = await listenLocal(path, (one) => {
    requests.push(one);
    return handle(one);
  });
  let isOpen = true;
  const closeServer = async (): Promise<void> => {
    if (isOpen) await server[Symbol.asyncDispose]();
    isOpen = false;
  };
  stack.defer(closeServer);
  const sockets = stack.adopt(new Set<Socket>(), (all) => {
    for (const socket of all) socket.destroy();
  });
  const open = stack.move();
  return {
    path,
    requests,
    async connect() {
      const socket = createConnection(path);
      socket.on("error", () => undefined); // the server may end it
      sockets.add(socket);
      await once(socket, "connect");
      return socket;
    },
    closeServer,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function ask(scene: Scene, bytes: Buffer): Promise<ReturnType<typeof decodeReply>> {
  const socket = await scene.connect();
  socket.end(bytes);
  return decodeReply(await buffer(socket));
}

test("only root can reach the socket, also when a file was in its place", async () => {
  const folder = mkdtempSync(join(tmpdir(), "podwire-local-"));
  const path = join(folder, "agent.sock");
  writeFileSync(path, "left over");
  {
    await using _server = await listenLocal(path, async () => answer);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.ok(statSync(path).isSocket());
  }
  assert.equal(existsSync(path), false);
  rmSync(folder, { recursive: true });
});

test("each connection gets the answer to its own request", async () => {
  await using scene = await createScene(async ({ stdin }) => ({ ...answer, stdout: stdin.toString() }));
  const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
  const asked = texts.map((text) => ask(scene, encodeRequest({ ...request, stdin: Buffer.from(text) })));
  assert.deepEqual(
    (await Promise.all(asked)).map(({ stdout }) => stdout),
    texts,
  );
});

const GARBAGE: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.alloc(0),
  "another protocol": Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  "half a request": encodeRequest(request).subarray(0, 20),
  "sizes beyond all bounds": Buffer.from("PWC1\xff\xff\xff\xff\xff\xff\xff\xff", "latin1"),
};

for (const [what, bytes] of Object.entries(GARBAGE)) {
  test(`${what} is refused with error 5, and the next request is served`, async () => {
    await using scene = await createScene();
    const { exitCode, stdout } = await ask(scene, bytes);
    assert.deepEqual([exitCode, JSON.parse(stdout).code], [1, 5]);
    assert.deepEqual(await ask(scene, encodeRequest(request)), answer);
    assert.equal(scene.requests.length, 1);
  });
}

test("a request of the largest size is served, a larger one refused", async () => {
  await using scene = await createScene();
  const overhead = encodeRequest({ ...request, stdin: Buffer.alloc(0) }).length;
  const largest = Buffer.alloc(MAX_REQUEST_BYTES - overhead);
  assert.deepEqual(await ask(scene, encodeRequest({ ...request, stdin: largest })), answer);
  const larger = Buffer.alloc(MAX_REQUEST_BYTES - overhead + 1);
  const { exitCode, stdout } = await ask(scene, encodeRequest({ ...request, stdin: larger }));
  assert.equal(exitCode, 1);
  assert.match(stdout, /larger than/);
  assert.equal(scene.requests.length, 1);
});

test("a launcher that is killed while its verb runs does no harm", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using scene = await createScene(async ({ stdin }) => {
    if (stdin.toString() === "slow") {
      begun.resolve();
      await gate.promise;
    }
    return answer;
  });
  const socket = await scene.connect();
  socket.end(encodeRequest({ ...request, stdin: Buffer.from("slow") }));
  await begun.promise;
  socket.destroy();
  gate.resolve();
  assert.deepEqual(await ask(scene, encodeRequest(request)), answer);
});

test("a handler that fails ends its connection alone", async () => {
  await using scene = await createScene(async ({ stdin }) => {
    if (stdin.toString() === "bad") throw new Error("unexpected");
    return answer;
  });
  const socket = await scene.connect();
  socket.end(encodeRequest({ ...request, stdin: Buffer.from("bad") }));
  assert.equal((await buffer(socket)).length, 0);
  assert.deepEqual(await ask(scene, encodeRequest(request)), answer);
});

test("disposal waits for the verbs under way, but not for launchers that are still waiting for their input", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  await using scene = await createScene(async () => {
    begun.resolve();
    await gate.promise;
    return answer;
  });
  const silent = await scene.connect();
  const half = await scene.connect();
  half.write(encodeRequest(request).subarray(0, 15));
  const whole = ask(scene, encodeRequest(request));
  await begun.promise;
  const ended = Promise.all([silent, half].map((socket) => once(socket, "close")));
  const closed = scene.closeServer();
  await ended;
  gate.resolve();
  assert.deepEqual(await whole, answer);
  await closed;
});
