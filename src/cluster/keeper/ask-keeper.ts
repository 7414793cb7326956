/** Asks a cluster's keeper, if it is alive. */
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { ClusterError } from "../cluster-error.ts";
import type { KeeperMessage, KeeperRequest, PhaseMessage } from "./keeper-protocol.ts";
import { socketLines } from "./socket-lines.ts";

export type KeeperAnswer = Extract<KeeperMessage, { readonly kind: "done" }>;

/** Undefined when no keeper listens there. Rejects with the ClusterError that it answered. */
export async function askKeeper(
  path: string,
  request: KeeperRequest,
  {
    signal,
    onPhase = () => undefined,
  }: { readonly signal: AbortSignal; readonly onPhase?: (phase: PhaseMessage) => void },
): Promise<KeeperAnswer | undefined> {
  const socket = await connect(path, signal);
  if (socket === undefined) return undefined;
  const abort = (): unknown => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    for await (const line of socketLines(socket)) {
      // Written by keeper-server.ts from this type.
      const message = JSON.parse(line) as KeeperMessage;
      if (message.kind === "phase") onPhase(message);
      else if (message.kind === "done") return message;
      else throw new ClusterError(message.error, message.explanation);
    }
  } catch (error) {
    // A connection that broke is told below.
    if (error instanceof ClusterError) throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
  signal.throwIfAborted();
  throw new ClusterError("failed", { what: "The cluster's keeper ended before it answered", evidence: path });
}

async function connect(path: string, signal: AbortSignal): Promise<Socket | undefined> {
  const socket = createConnection({ path, signal });
  socket.on("error", () => undefined); // told by `once`, or by the end of what is read
  try {
    await once(socket, "connect");
    return socket;
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ECONNREFUSED")) {
      return undefined;
    }
    throw error;
  }
}
