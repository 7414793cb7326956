/**
 * DNS over TCP: queries behind each other on a connection, answered as they become ready. Connections are few per
 * client and end when they are idle, so that nobody can hold all of them. Source: RFC 7766 sections 6 and 8.
 */
import { createServer, type Socket } from "node:net";
import type { DnsCounters } from "./dns-counters.ts";
import type { DnsListener, ListenOptions } from "./listen-udp.ts";

export interface ListenTcpOptions extends ListenOptions {
  readonly counters: DnsCounters;
  readonly idleMs?: number;
  readonly maxConnections?: number;
  readonly maxConnectionsOfClient?: number;
}

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 500;
const MAX_CONNECTIONS_OF_CLIENT = 50;
/** Questions are short; a longer one is no question. */
const MAX_QUERY_BYTES = 4096;
const MAX_UNDER_WAY = 100;

export async function listenTcp(options: ListenTcpOptions): Promise<DnsListener> {
  const { address, port, counters, onError } = options;
  const { maxConnections = MAX_CONNECTIONS, maxConnectionsOfClient = MAX_CONNECTIONS_OF_CLIENT } = options;
  const ofClient = new Map<string, Set<Socket>>();
  let count = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    const client = socket.remoteAddress ?? "";
    const connections = ofClient.get(client) ?? new Set<Socket>();
    if (count >= maxConnections || connections.size >= maxConnectionsOfClient) {
      counters.refusedConnections++;
      socket.destroy();
      return;
    }
    count++;
    ofClient.set(client, connections.add(socket));
    socket.once("close", () => {
      count--;
      connections.delete(socket);
      if (connections.size === 0) ofClient.delete(client);
    });
    serve(socket, client, options);
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen({ host: address, port, ipv6Only: address.includes(":"), exclusive: true }, listening.resolve);
  await listening.promise;
  server.off("error", listening.reject);
  server.on("error", onError);
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    async [Symbol.asyncDispose]() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const sockets of ofClient.values()) for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}

function serve(socket: Socket, client: string, { responder, idleMs = IDLE_MS }: ListenTcpOptions): void {
  let received: Buffer = Buffer.alloc(0);
  let underWay = 0;
  let hasEnded = false;
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy()); // the client is gone

  /** Reads on only while answers leave and are not too many. */
  function adjust(): void {
    const isBusy = underWay >= MAX_UNDER_WAY || socket.writableNeedDrain;
    if (isBusy) socket.pause();
    else {
      takeQueries();
      if (underWay < MAX_UNDER_WAY && !socket.writableNeedDrain) socket.resume();
    }
    if (hasEnded && underWay === 0) socket.end();
  }

  function send(response: Buffer): void {
    if (socket.destroyed) return;
    const message = Buffer.allocUnsafe(response.length + 2);
    message.writeUInt16BE(response.length);
    response.copy(message, 2);
    socket.write(message);
  }

  function takeQueries(): void {
    while (received.length >= 2 && underWay < MAX_UNDER_WAY && !socket.writableNeedDrain) {
      const length = received.readUInt16BE(0);
      if (length > MAX_QUERY_BYTES) return void socket.destroy();
      if (received.length < length + 2) return;
      const response = responder.respond(received.subarray(2, length + 2), client, "tcp");
      received = received.subarray(length + 2);
      // No query: who sends such a thing has nothing to ask.
      if (response === undefined) return void socket.destroy();
      if (!(response instanceof Promise)) send(response);
      else {
        underWay++;
        void response.then((later) => {
          underWay--;
          send(later);
          adjust();
        });
      }
    }
  }

  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    adjust();
  });
  socket.on("drain", adjust);
  socket.on("end", () => {
    hasEnded = true;
    adjust();
  });
}
