/**
 * TCP of Node inside network namespaces: the descriptor is made and bound there, and belongs to the namespace from then
 * on, whichever thread goes on with it. Source: socket(2), tcp(7).
 */
import { closeSync } from "node:fs";
import { createServer, type Server, Socket } from "node:net";
import { familyOf } from "#base/ip-address.ts";
import { inNetns, type Netns } from "../netns/netns.ts";
import { AF_INET, AF_INET6, call, SOCK_CLOEXEC, SOCK_NONBLOCK } from "../syscalls/syscalls.ts";
import { encodeSocketAddress, type SocketAddress } from "../udp/socket-address.ts";

const SOCK_STREAM = 1;

/** A socket that is neither connected nor reading: `connect` goes on from here. */
export function createTcpSocket(netns: Netns, local: SocketAddress): Socket {
  const options = { fd: openBound(netns, local), manualStart: true };
  return new Socket(options);
}

/** Listens at once, or throws. */
export function createTcpServer(netns: Netns, local: SocketAddress, onConnection: (socket: Socket) => void): Server {
  const server = createServer(onConnection);
  server.listen({ fd: openBound(netns, local) });
  if (!server.listening) throw new Error(`Cannot listen on ${local.address} port ${local.port} of "${netns.path}"`);
  return server;
}

function openBound(netns: Netns, local: SocketAddress): number {
  const family = familyOf(local.address) === 4 ? AF_INET : AF_INET6;
  const fd = inNetns(netns, () =>
    call("socket", "open TCP socket", family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
  );
  try {
    const address = encodeSocketAddress(local);
    call("bind", `bind TCP socket to ${local.address} port ${local.port}`, fd, address, address.length);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
