/**
 * Port-forward of kubectl 1.31 and later: SPDY in the messages of a WebSocket. Runtimes speak it without the WebSocket.
 * Source: KEP-4006 "Transition from SPDY to WebSockets", PortForward.
 */
import { pipeline } from "node:stream/promises";
import { createWebSocketStream, type WebSocket } from "ws";
import type { RuntimeStream } from "./ask-runtime.ts";

export const TUNNELED_PORTS = "SPDY/3.1+portforward.k8s.io";
export const PORTS = "portforward.k8s.io";

/** Resolves when the connection is over. */
export async function serveTunnel(client: WebSocket, { socket, first }: RuntimeStream): Promise<void> {
  const tunnel = createWebSocketStream(client);
  if (first.length > 0) tunnel.write(first);
  try {
    await Promise.all([pipeline(tunnel, socket), pipeline(socket, tunnel)]);
  } catch {
    // One side went away without a farewell: that ends a port-forward as well.
  } finally {
    socket.destroy();
    client.close();
  }
}
