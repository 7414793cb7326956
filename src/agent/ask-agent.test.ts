import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AgentError } from "./agent-error.ts";
import { askAgent } from "./ask-agent.ts";
import { listenLocal } from "./local-server.ts";

const REQUEST = { plugin: "bridge", environment: { CNI_COMMAND: "ADD" }, stdin: Buffer.from("{}") };

function socketFolder(): Disposable & { readonly socket: string } {
  const folder = mkdtempSync(join(tmpdir(), "podwire-ask-"));
  return { socket: join(folder, "agent.sock"), [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test("askAgent sends the request as the launcher would, and gives the answer", async () => {
  using folder = socketFolder();
  await using _server = await listenLocal(folder.socket, async ({ plugin, environment, stdin }) => ({
    exitCode: 7,
    stdout: `${plugin} ${environment["CNI_COMMAND"]} ${stdin.toString()}`,
    stderr: "log",
  }));
  assert.deepEqual(await askAgent(folder.socket, REQUEST, AbortSignal.timeout(10_000)), {
    exitCode: 7,
    stdout: "bridge ADD {}",
    stderr: "log",
  });
});

test("askAgent says that no agent runs", async () => {
  using folder = socketFolder();
  await assert.rejects(
    askAgent(folder.socket, REQUEST, AbortSignal.timeout(10_000)),
    (error) => error instanceof AgentError && error.code === "notRunning" && error.message.includes(folder.socket),
  );
});

test("askAgent refuses an answer that was cut short", async () => {
  using folder = socketFolder();
  const server = createServer((socket) => socket.end("PWR1")).listen(folder.socket);
  try {
    await once(server, "listening");
    await assert.rejects(askAgent(folder.socket, REQUEST, AbortSignal.timeout(10_000)), { name: "DecodeError" });
  } finally {
    server.close();
  }
});

test("askAgent stops waiting when it is told to", async () => {
  using folder = socketFolder();
  const stop = new AbortController();
  const server = createServer({ allowHalfOpen: true }, () => stop.abort(new Error("enough"))).listen(folder.socket);
  try {
    await once(server, "listening");
    await assert.rejects(askAgent(folder.socket, REQUEST, stop.signal), { message: "enough" });
  } finally {
    server.close();
  }
});
