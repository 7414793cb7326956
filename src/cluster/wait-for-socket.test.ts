import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { waitForSocket } from "./wait-for-socket.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "podwire-socket-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("waitForSocket resolves when a server starts to listen, and at once when one does", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "socket");
    const waiting = waitForSocket(path, AbortSignal.timeout(10_000));
    await using server = createServer((socket) => socket.destroy());
    server.listen(path);
    await once(server, "listening");
    await chmod(path, 0o660);
    await waiting;
    await waitForSocket(path, AbortSignal.timeout(10_000));
  });
});

test("waitForSocket rejects with the signal's reason, before and while it waits", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "socket");
    await assert.rejects(waitForSocket(path, AbortSignal.abort(new Error("too late"))), /too late/);
    const controller = new AbortController();
    const waiting = waitForSocket(path, controller.signal);
    controller.abort(new Error("no longer"));
    await assert.rejects(waiting, /no longer/);
  });
});
