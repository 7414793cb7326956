/** DNS over UDP: each datagram a query, each answer from the address that was asked. Source: RFC 1035 section 4.2.1. */
import { createSocket, type RemoteInfo } from "node:dgram";
import type { Responder } from "./create-responder.ts";

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly responder: Responder;
  readonly onError: (error: unknown) => void;
}

export interface DnsListener extends AsyncDisposable {
  readonly port: number;
}

/** Room for bursts; the kernel gives what net.core.rmem_max allows. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Rejects with EADDRINUSE, EADDRNOTAVAIL, EACCES. */
export async function listenUdp({ address, port, responder, onError }: ListenOptions): Promise<DnsListener> {
  const type = address.includes(":") ? "udp6" : "udp4";
  const family = type === "udp6" ? 6 : 4;
  const socket = createSocket({
    type,
    ...(family === 6 && { ipv6Only: true }),
    // Clients' addresses are numbers: there is nothing to be looked up, and no need to wait for the next tick.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  const bound = Promise.withResolvers<void>();
  socket.once("error", bound.reject);
  socket.bind({ address, port, exclusive: true }, () => bound.resolve());
  await bound.promise;
  socket.off("error", bound.reject);
  socket.on("error", onError);
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  let isOpen = true;
  // A client that is gone, or whose packets a firewall drops, is nobody's trouble.
  const ignore = (): void => undefined;
  const send = (bytes: Buffer, { port: to, address: client }: RemoteInfo): void => {
    if (isOpen) socket.send(bytes, to, client, ignore);
  };
  socket.on("message", (bytes, client) => {
    const response = responder.respond(bytes, client.address, "udp");
    if (response === undefined) return;
    if (response instanceof Promise) void response.then((later) => send(later, client));
    else send(response, client);
  });
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      isOpen = false;
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.close(resolve);
      await promise;
    },
  };
}
