/**
 * Servers that say who they are and whom they see, and clients that ask them, in the namespaces of the world and from this
 * process: a socket belongs to the namespace that it was made in.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { type Family, type IpAddress, parseAddress } from "#base/ip-address.ts";
import { isErrno } from "#kernel/kernel-error.ts";
import { createTcpServer, createTcpSocket } from "#kernel/tcp/tcp-socket.ts";
import { openUdpSocket } from "#kernel/udp/udp-socket.ts";
import type { ServiceProtocol } from "#service/service-port.ts";
import { FAMILIES, type Host, type HostName, NODE_NAMES, POD_NAMES, type World } from "./world.ts";

/** SCTP needs a kernel with its sockets, and Node has none. */
export const SPOKEN_PROTOCOLS = ["TCP", "UDP"] as const satisfies readonly ServiceProtocol[];
export type SpokenProtocol = (typeof SPOKEN_PROTOCOLS)[number];
/** Ports that every pod and node serves. */
export const BACKEND_PORTS = [8080, 8081] as const;

export interface Answer {
  readonly backend: HostName | string;
  readonly port: number;
  /** Whom the backend sees. */
  readonly source: IpAddress;
}

/** `refused`: at once, by an answer. `dropped`: nothing came before the deadline. */
export type Outcome = Answer | "refused" | "dropped";

/** For what is expected to be answered. */
export const ANSWER_MS = 5000;
/** For what is expected to be dropped: each such case costs it. */
export const DROP_MS = 250;

const ANY: Readonly<Record<Family, IpAddress>> = { 4: parseAddress("0.0.0.0"), 6: parseAddress("::") };

export function startServers(world: World): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  for (const name of [...POD_NAMES, ...NODE_NAMES]) {
    for (const family of FAMILIES) for (const port of BACKEND_PORTS) startServer(stack, world.host(name), family, port);
  }
  return stack;
}

function startServer(
  stack: AsyncDisposableStack,
  { name, netns, addresses }: Host,
  family: Family,
  port: number,
): void {
  const local = { address: addresses[family], port };
  const open = new Set<Socket>();
  const server = createTcpServer(netns, local, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined); // the client is gone
    socket.write(`${name} ${port} ${socket.remoteAddress}\n`);
    socket.on("data", (data) => socket.write(data));
    socket.on("end", () => socket.end());
  });
  stack.defer(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of open) socket.destroy();
    await closed;
  });
  const udp = stack.use(
    openUdpSocket(netns, local, {
      datagram(_question, from) {
        udp.send(Buffer.from(`${name} ${port} ${from.address}\n`), from);
      },
      error: () => undefined, // the client is gone
    }),
  );
}

export interface Question {
  readonly from: Host;
  readonly protocol: SpokenProtocol;
  readonly to: IpAddress;
  readonly port: number;
  readonly deadlineMs?: number;
}

export function ask(question: Question): Promise<Outcome> {
  return question.protocol === "TCP" ? askTcp(question) : askUdp(question);
}

async function askTcp(question: Question): Promise<Outcome> {
  const socket = connectTcp(question);
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const deadline = setTimeout(() => resolve("dropped"), question.deadlineMs ?? ANSWER_MS);
  socket.on("data", (data) => resolve(readAnswer(String(data))));
  socket.on("error", (error) => resolve(refusal(error)));
  const outcome = await promise;
  clearTimeout(deadline);
  socket.destroy();
  return outcome;
}

/** The socket is the caller's. */
export function connectTcp({ from, to, port }: Question): Socket {
  const family = to.includes(":") ? 6 : 4;
  const socket = createTcpSocket(from.netns, { address: ANY[family], port: 0 });
  socket.connect({ host: to, port });
  return socket;
}

function refusal(error: Error): Outcome {
  if ("code" in error && error.code === "ECONNREFUSED") return "refused";
  throw error;
}

async function askUdp({ from, to, port, deadlineMs = ANSWER_MS }: Question): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const deadline = setTimeout(() => resolve("dropped"), deadlineMs);
  const local = { address: ANY[to.includes(":") ? 6 : 4], port: 0 };
  using socket = openUdpSocket(from.netns, local, {
    datagram: (bytes) => resolve(readAnswer(String(bytes))),
    error: ({ code }) => resolve(code === "ECONNREFUSED" ? "refused" : "dropped"),
  });
  try {
    socket.send(Buffer.from("?"), { address: to, port });
  } catch (error) {
    // What a rule of the sender's own node stops; an answer, if there is one, was heard before.
    if (!isErrno(error, "EPERM")) throw error;
    resolve("dropped");
  }
  const outcome = await promise;
  clearTimeout(deadline);
  return outcome;
}

function readAnswer(line: string): Answer {
  const [backend = "", port = "", source = ""] = line.trim().split(" ");
  return { backend, port: Number(port), source: parseAddress(source) };
}
