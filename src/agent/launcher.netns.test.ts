/** The native launcher against a server, and against servers that fail it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { requireRoot, testNetns } from "#kernel/testing/with-netns.ts";
import type { LauncherRequest } from "./launcher-protocol.ts";
import { listenLocal } from "./local-server.ts";
import { statePaths } from "./state-paths.ts";
import { callLauncher, type LauncherAnswer, NATIVE_LAUNCHER } from "./testing/call-launcher.ts";

interface Scene extends Disposable {
  readonly socket: string;
  readonly binDir: string;
  call(more?: {
    readonly environment?: Readonly<Record<string, string>>;
    readonly stdin?: string | Uint8Array;
  }): Promise<LauncherAnswer>;
}

function createScene(): Scene {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "podwire-launcher-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const netns = stack.use(testNetns());
  const environment = { PODWIRE_RUN_DIR: join(folder, "run") };
  const { socket } = statePaths(netns, environment);
  mkdirSync(dirname(socket), { recursive: true });
  const binDir = join(folder, "bin");
  mkdirSync(binDir);
  const path = join(binDir, "bridge");
  copyFileSync(NATIVE_LAUNCHER, path);
  const open = stack.move();
  return {
    socket,
    binDir,
    call: ({ environment: more, stdin = "" } = {}) =>
      callLauncher({ path, netns, environment: { ...environment, ...more }, stdin }),
    [Symbol.dispose]: () => open.dispose(),
  };
}

const MEGABYTE = 1024 * 1024;
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
const INPUTS: Readonly<Record<string, Parameters<Scene["call"]>[0]>> = {
  "no input": {},
  "binary input": { stdin: Buffer.concat([allBytes, allBytes]) },
  "two megabytes of input": { stdin: Buffer.alloc(2 * MEGABYTE, allBytes) },
  "input that ends with a chunk": { stdin: Buffer.alloc(64 * 1024, "x") },
  // Linux limits one string to 128 KiB (MAX_ARG_STRLEN), all together to a quarter of the stack's limit.
  "a megabyte of environment": {
    environment: Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`V${index}`, "y".repeat(1000)])),
    stdin: "{}",
  },
  "huge values": {
    environment: { A: "a".repeat(120_000), B: "b=ä\n".repeat(20_000), C: "", D: "c".repeat(65_535) },
    stdin: "{}",
  },
};

for (const [what, input] of Object.entries(INPUTS)) {
  test(`the launcher hands over ${what}`, requireRoot, async () => {
    using scene = createScene();
    const requests: LauncherRequest[] = [];
    await using _server = await listenLocal(scene.socket, async (request) => {
      requests.push({ ...request, stdin: Buffer.from(request.stdin) });
      return { exitCode: 0, stdout: "answer", stderr: "log" };
    });
    const { exitCode, stdout, stderr } = await scene.call(input);
    assert.deepEqual({ exitCode, stdout: stdout.toString(), stderr }, { exitCode: 0, stdout: "answer", stderr: "log" });
    const [request] = requests;
    assert.equal(requests.length, 1);
    assert.equal(request?.plugin, "bridge");
    assert.ok(request?.stdin.equals(Buffer.from(input?.stdin ?? "")), "the input is the same");
    for (const [key, value] of Object.entries(input?.environment ?? {})) {
      assert.ok(request?.environment[key] === value, `variable ${key} is the same`);
    }
  });
}

test("the launcher prints large answers, and ends with the exit code of the plugin", requireRoot, async () => {
  using scene = createScene();
  const text = "ü".repeat(MEGABYTE - 100); // the launcher takes four megabytes
  await using _server = await listenLocal(scene.socket, async () => ({ exitCode: 1, stdout: text, stderr: text }));
  const { exitCode, stdout, stderr } = await scene.call();
  assert.equal(exitCode, 1);
  assert.ok(stdout.equals(Buffer.from(text)) && stderr === text);
});

test("the launcher prints a refusal that comes before it has sent everything", requireRoot, async () => {
  using scene = createScene();
  await using _server = await listenLocal(scene.socket, async () => ({ exitCode: 0, stdout: "", stderr: "" }));
  const { exitCode, stdout } = await scene.call({ stdin: Buffer.alloc(17 * MEGABYTE) });
  assert.equal(exitCode, 1);
  assert.equal(JSON.parse(stdout.toString()).code, 5);
  assert.match(stdout.toString(), /Request is larger than 16777216 bytes/);
});

const header = (stdoutBytes: number, stderrBytes: number): Buffer => {
  const buffer = Buffer.from("PWR1\0\0\0\0\0\0\0\0\0\0\0\0", "latin1");
  buffer.writeUInt32LE(stdoutBytes, 8);
  buffer.writeUInt32LE(stderrBytes, 12);
  return buffer;
};

const FAILURES: Readonly<Record<string, (socket: Socket) => void>> = {
  "ends at once": (socket) => socket.destroy(),
  "ends without an answer": (socket) => void socket.resume().on("end", () => socket.end()),
  "answers half a header": (socket) => void socket.resume().on("end", () => socket.end("PWR1\0\0")),
  "announces more than comes": (socket) =>
    void socket.resume().on("end", () => socket.end(Buffer.concat([header(5, 0), Buffer.from("1234")]))),
  "sends more than it announced": (socket) =>
    void socket.resume().on("end", () => socket.end(Buffer.concat([header(1, 0), Buffer.from("1234")]))),
  "announces sizes whose sum is too large": (socket) =>
    void socket.resume().on("end", () => socket.end(Buffer.concat([header(0xffffffff, 5), Buffer.from("1234")]))),
  "speaks another protocol": (socket) => void socket.resume().on("end", () => socket.end("HTTP/1.1 400 Bad Request")),
};

for (const [what, behave] of Object.entries(FAILURES)) {
  for (const [size, stdin] of Object.entries({ "a small": "{}", "a large": Buffer.alloc(3 * MEGABYTE) })) {
    test(`the launcher says 11 when the agent ${what} behind ${size} request`, requireRoot, async () => {
      using scene = createScene();
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => undefined); // the launcher may have gone first
        behave(socket);
      }).listen(scene.socket);
      await once(server, "listening");
      try {
        const { exitCode, stdout, stderr } = await scene.call({ stdin });
        const { code, msg } = JSON.parse(stdout.toString());
        assert.deepEqual({ exitCode, code, stderr }, { exitCode: 1, code: 11, stderr: "" });
        assert.match(msg, /^Lost the connection to the Podwire agent .*can be repeated$/);
      } finally {
        server.close();
      }
    });
  }
}

test(
  "without an agent the launcher becomes the program beside it, with name, environment and input",
  requireRoot,
  async () => {
    using scene = createScene();
    mkdirSync(join(scene.binDir, ".podwire"));
    const script = '#!/bin/sh\necho "$(basename "$1") $2 $X $(cat)"; echo log >&2; exit 3\n';
    writeFileSync(join(scene.binDir, ".podwire/node"), script, { mode: 0o755 });
    const expected = { exitCode: 3, stdout: "standalone.mjs bridge 1 {}\n", stderr: "log\n" };
    const call = async () => {
      const { stdout, ...rest } = await scene.call({ environment: { X: "1", PATH: "/bin:/usr/bin" }, stdin: "{}" });
      return { ...rest, stdout: stdout.toString() };
    };
    assert.deepEqual(await call(), expected);
    // What an agent that was killed has left: a socket that nobody listens on.
    const server = createServer().listen(`${scene.socket}.new`);
    await once(server, "listening");
    renameSync(`${scene.socket}.new`, scene.socket);
    server.close();
    assert.ok(existsSync(scene.socket));
    assert.deepEqual(await call(), expected);
  },
);

test("without an agent and without the program beside it the launcher says what to do", requireRoot, async () => {
  using scene = createScene();
  assert.deepEqual(readdirSync(scene.binDir), ["bridge"]);
  const { exitCode, stdout } = await scene.call();
  const { code, msg } = JSON.parse(stdout.toString());
  assert.deepEqual({ exitCode, code }, { exitCode: 1, code: 11 });
  assert.match(msg, /start podwire agent, or run podwire install again/);
});

test("the launcher says 4 for a folder that is too long for a socket", requireRoot, async () => {
  using scene = createScene();
  const { exitCode, stdout } = await scene.call({ environment: { PODWIRE_RUN_DIR: `/${"x".repeat(200)}` } });
  assert.deepEqual([exitCode, JSON.parse(stdout.toString()).code], [1, 4]);
});
