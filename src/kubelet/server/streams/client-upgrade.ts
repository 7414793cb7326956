/** A client that wants to go on in another protocol, and which one. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";

export interface ClientUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the request. */
  readonly head: Buffer;
}

/** Subprotocols of a WebSocket client, as offered. Of another client: none. */
export function offeredSubprotocols({ headers }: Pick<IncomingMessage, "headers">): readonly string[] {
  if (headers.upgrade?.toLowerCase() !== "websocket") return [];
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
}

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Answers with 101 and that subprotocol. */
export function acceptWebSocket({ request, socket, head }: ClientUpgrade, subprotocol: string): Promise<WebSocket> {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MAX_MESSAGE_BYTES });
  // Names of Kubernetes' subprotocols hold characters that subprotocols cannot have, so `ws` must not see them.
  delete request.headers["sec-websocket-protocol"];
  server.once("headers", (lines) => lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`));
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  socket.once("close", () => reject(new Error("the client went away before its connection stood")));
  server.handleUpgrade(request, socket, head, (client) => {
    client.on("error", () => undefined); // "close" follows
    // What the client has sent already waits for who will listen.
    client.pause();
    resolve(client);
  });
  return promise;
}
