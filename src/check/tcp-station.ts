/** TCP probes from inside namespaces: the server writes the address that it sees and ends, the client reads it. */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { type IpAddress, parseAddress } from "#base/ip-address.ts";
import { KernelError } from "#kernel/kernel-error.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { createTcpServer, createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import type { Endpoint, Probe } from "./plan-probes.ts";
import type { ProbeResult } from "./probe-result.ts";

export interface TcpStation extends AsyncDisposable {
  open(endpoint: Endpoint, netns: Netns): void;
  run(probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
}

interface Listening {
  readonly netns: Netns;
  readonly server: Server;
  readonly port: number;
}

export function createTcpStation(): TcpStation {
  const listening = new Map<string, Listening>();
  const failures = new Map<string, string>();
  const connections = new Set<Socket>();
  /** Whom the servers saw, by `address port` of both ends: connections that were accepted. */
  const seen = new Map<string, IpAddress>();

  return {
    open(endpoint, netns) {
      const key = keyOf(endpoint);
      if (listening.has(key)) return;
      try {
        const server = createTcpServer(netns, { address: endpoint.address, port: 0 }, (socket) => {
          const address = parseAddress(socket.remoteAddress ?? "0.0.0.0");
          seen.set(`${endpoint.address} ${socket.remotePort}`, address);
          connections.add(socket);
          socket.on("error", () => undefined); // the client's end tells
          socket.on("close", () => connections.delete(socket));
          socket.end(address);
        });
        const bound = server.address();
        listening.set(key, { netns, server, port: bound !== null && typeof bound === "object" ? bound.port : 0 });
      } catch (error) {
        failures.set(key, error instanceof Error ? error.message : String(error));
      }
    },
    async run(probe, signal) {
      const from = listening.get(keyOf(probe.from));
      const to = listening.get(keyOf(probe.to));
      const refuse = (code: string, message: string) => ({
        probe,
        answered: false,
        refused: { code, by: undefined, message },
      });
      if (from === undefined || to === undefined) {
        const message = failures.get(keyOf(probe.from)) ?? failures.get(keyOf(probe.to));
        return refuse("ENOTSOCK", message ?? "no socket is open there");
      }
      let client: Socket | undefined;
      try {
        client = createTcpSocket(from.netns, { address: probe.from.address, port: 0 });
        client.connect({ host: probe.to.address, port: to.port });
        const chunks: Buffer[] = [];
        client.on("data", (chunk: Buffer) => chunks.push(chunk));
        await once(client, "end", { signal });
        return { probe, seen: parseAddress(Buffer.concat(chunks).toString()), answered: true };
      } catch (error) {
        if (signal.aborted)
          return { probe, seen: seen.get(`${probe.to.address} ${client?.localPort}`), answered: false };
        if (error instanceof KernelError) return refuse(error.code, error.message);
        return refuse(codeOf(error), error instanceof Error ? error.message : String(error));
      } finally {
        client?.on("error", () => undefined); // destroyed while it connects
        client?.destroy();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      await Promise.all(
        [...listening.values()].map(async ({ server }) => {
          const closed = once(server, "close");
          server.close();
          await closed;
        }),
      );
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}

function keyOf({ namespace, address }: Endpoint): string {
  return `${namespace} ${address}`;
}
