/** Sends one request to the agent's socket and reads the answer, as the native launcher does. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { buffer } from "node:stream/consumers";
import type { PluginOutput } from "#cni/plugin-main.ts";
import { AgentError } from "./agent-error.ts";
import { decodeReply, encodeRequest, type LauncherRequest } from "./launcher-protocol.ts";

/** Throws AgentError "notRunning", DecodeError when the agent ended before it answered, or the signal's reason. */
export async function askAgent(path: string, request: LauncherRequest, signal: AbortSignal): Promise<PluginOutput> {
  const socket = createConnection({ path, signal });
  try {
    await once(socket, "connect", { signal });
    socket.end(encodeRequest(request));
    return decodeReply(await buffer(socket));
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (isNobodyThere(cause)) throw new AgentError("notRunning", path, { cause });
    throw cause;
  } finally {
    socket.destroy();
  }
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ECONNREFUSED");
}
