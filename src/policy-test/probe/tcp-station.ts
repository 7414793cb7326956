/** TCP probes: the target writes the address that it sees and ends the connection, the asker reads it to its end. */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { parseAddress } from "#base/ip-address.ts";
import { createTcpServer, createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { type ProbeAnswer, refusal, type Station, socketName } from "./probe.ts";

export function createTcpStation(): Station {
  const servers = new Map<string, Server>();
  const connections = new Set<Socket>();
  return {
    listen(end, port) {
      const name = socketName(end, port);
      if (servers.has(name)) return;
      const server = createTcpServer(end.netns, { address: end.address, port }, (socket) => {
        connections.add(socket);
        socket.on("error", () => undefined); // the asker's end tells
        socket.on("close", () => connections.delete(socket));
        socket.end(parseAddress(socket.remoteAddress ?? "0.0.0.0"));
      });
      servers.set(name, server);
    },
    async ask({ from, to, sourcePort, port }, signal) {
      const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
      const onAbort = () => resolve({ kind: "silent" });
      let client: Socket | undefined;
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        if (signal.aborted) onAbort();
        client = createTcpSocket(from.netns, { address: from.address, port: sourcePort });
        const chunks: Buffer[] = [];
        client.on("data", (chunk: Buffer) => chunks.push(chunk));
        client.on("error", (error) => resolve(refusal(error)));
        client.on("end", () => resolve(answerOf(Buffer.concat(chunks))));
        client.connect({ host: to.address, port });
        return await promise;
      } catch (error) {
        return refusal(error);
      } finally {
        signal.removeEventListener("abort", onAbort);
        client?.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await Promise.all(
        [...servers.values()].map(async (server) => {
          const closed = once(server, "close");
          server.close();
          await closed;
        }),
      );
    },
  };
}

function answerOf(bytes: Buffer): ProbeAnswer {
  try {
    return { kind: "answered", seen: parseAddress(bytes.toString()) };
  } catch (error) {
    return refusal(error); // somebody else answered
  }
}
