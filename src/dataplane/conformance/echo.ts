/**
 * UDP between namespaces, from this process: a server that answers with the address it sees, padded to the question's
 * size, and a client that asks. Datagrams carry "don't fragment", as Linux's UDP sockets do by default.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import type { IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";

export const ECHO_PORT = 7000;
const ASK_TIMEOUT_MS = 2000;

export function startEcho(netns: Netns, address: IpAddress): Disposable {
  const socket = bindIn(netns, address, ECHO_PORT);
  socket.on("message", (question, from) => {
    const answer = Buffer.alloc(Math.max(question.length, from.address.length), " ");
    answer.write(from.address);
    socket.send(answer, from.port, from.address);
  });
  return { [Symbol.dispose]: () => socket.close() };
}

/** The address that the echo server at `to` sees; "timeout" or an errno name where there is no answer. */
export async function ask(netns: Netns, from: IpAddress, to: IpAddress, bytes = 1): Promise<string> {
  const socket = bindIn(netns, from, 0);
  try {
    const answer = once(socket, "message", { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    socket.send(Buffer.alloc(bytes, "?"), ECHO_PORT, to, (error) => error && socket.emit("error", error));
    const [heard] = await answer;
    if (heard.length < bytes) return `${heard.length} of ${bytes} bytes`;
    return String(heard).trim();
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return "timeout";
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    socket.close();
  }
}

/** A socket belongs to the namespace that it is bound in: without a name to look up, that is at once. */
function bindIn(netns: Netns, address: IpAddress, port: number): Socket {
  const socket = createSocket({
    type: isIPv6(address) ? "udp6" : "udp4",
    lookup: (host, _, callback) => callback(null, host, isIPv6(host) ? 6 : 4),
  });
  inNetns(netns, () => socket.bind(port, address));
  return socket;
}
