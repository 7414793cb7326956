/**
 * The agent's unix socket. Only root reaches it: its folder has mode 0700, itself 0600.
 * One request per connection: the launcher half-closes behind stdin and reads the reply to the end.
 */
import { DecodeError } from "#base/codec/codec.ts";
import { CniError } from "#cni/cni-error.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { formatError } from "#cni/print-error.ts";
import { listenStream } from "#kernel/unix/stream-server.ts";
import { decodeRequest, encodeReply, type LauncherRequest } from "./launcher-protocol.ts";

/** A network configuration is some kilobytes; GC lists of thousands of pods stay below a megabyte. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

export type LauncherHandler = (request: LauncherRequest) => Promise<PluginOutput>;

/** Resolves when the socket accepts. Disposal stops accepting and waits for the requests that are whole. */
export async function listenLocal(path: string, handle: LauncherHandler): Promise<AsyncDisposable> {
  return listenStream({
    path,
    maxRequestBytes: MAX_REQUEST_BYTES,
    tooLarge: refuse(`Request is larger than ${MAX_REQUEST_BYTES} bytes`),
    // A launcher that was killed has begun its verb: that goes on, nobody reads the answer.
    answer: (bytes) => answer(bytes, handle),
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
