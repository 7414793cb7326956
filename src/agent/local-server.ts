/**
 * The agent's unix socket. Only root reaches it: its folder has mode 0700, itself 0600.
 * One request per connection: the launcher half-closes behind stdin and reads the reply to the end.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { DecodeError } from "#base/codec/codec.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { formatError } from "#cni/print-error.ts";
import { decodeRequest, encodeReply, type LauncherRequest } from "./launcher-protocol.ts";

/** A network configuration is some kilobytes; GC lists of thousands of pods stay below a megabyte. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

export type LauncherHandler = (request: LauncherRequest) => Promise<PluginOutput>;

/** Resolves when the socket accepts. Disposal stops accepting and waits for the requests that are whole. */
export async function listenLocal(path: string, handle: LauncherHandler): Promise<AsyncDisposable> {
  rmSync(path, { force: true });
  const unfinished = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    unfinished.add(socket);
    socket.once("end", () => unfinished.delete(socket)).once("close", () => unfinished.delete(socket));
    serve(socket, handle);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  chmodSync(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      // Their launchers wait for input that may never come; nothing has begun for them.
      for (const socket of unfinished) socket.destroy();
      await closed;
      rmSync(path, { force: true });
    },
  };
}

function serve(socket: Socket, handle: LauncherHandler): void {
  const chunks: Buffer[] = [];
  let received = 0;
  socket.on("error", () => socket.destroy()); // the launcher was killed: its verb goes on, nobody reads the answer
  socket.on("data", (chunk) => {
    received += chunk.length;
    if (received <= MAX_REQUEST_BYTES) chunks.push(chunk);
    else if (!socket.writableEnded) socket.end(refuse(`Request is larger than ${MAX_REQUEST_BYTES} bytes`));
  });
  socket.on("end", () => {
    if (received > MAX_REQUEST_BYTES) return;
    answer(Buffer.concat(chunks), handle).then(
      (reply) => socket.end(reply),
      (error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))),
    );
  });
}

async function answer(bytes: Buffer, handle: LauncherHandler): Promise<Buffer> {
  let request: LauncherRequest;
  try {
    request = decodeRequest(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return refuse(error.message);
    throw error;
  }
  return encodeReply(await handle(request));
}

function refuse(message: string): Buffer {
  return encodeReply({ exitCode: 1, stdout: formatError(new CniError("ioFailure", message)), stderr: "" });
}
