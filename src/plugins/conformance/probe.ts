/**
 * A process inside a network namespace that serves and asks, for tests of what traffic does. Its servers answer with
 * the address that the question came from. Started by `startProbe`; its requests come over the channel to its parent.
 */
import { fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Netns } from "#kernel/netns/netns.ts";

export type Protocol = "tcp" | "udp";

interface Endpoint {
  readonly protocol: Protocol;
  readonly port: number;
}

export interface Question extends Endpoint {
  readonly address: string;
  readonly localPort?: number | undefined;
  /** How long to wait for an answer. Default: 2000; less where none is expected. */
  readonly timeoutMs?: number | undefined;
}

type Request =
  | ({ readonly do: "serve" } & Endpoint & { readonly address?: string })
  | ({ readonly do: "ask" } & Question);

export interface Probe extends AsyncDisposable {
  /** Listens from now on; by default on all addresses. */
  serve(endpoint: Endpoint & { readonly address?: string }): Promise<void>;
  /** The address that the server saw, or a word for what happened: ECONNREFUSED, EHOSTUNREACH, "timeout", … */
  ask(question: Question): Promise<string>;
}

const TIMEOUT_MS = 2000;

export async function startProbe({ fd }: Pick<Netns, "fd">): Promise<Probe> {
  const child = fork(fileURLToPath(import.meta.url), {
    execPath: "nsenter",
    execArgv: [`--net=/proc/${process.pid}/fd/${fd}`, "--", process.execPath],
  });
  const exited = once(child, "exit");
  let last = Promise.resolve("");
  /** One after the other, so that answers need no number. */
  const request = (message: Request): Promise<string> => {
    last = last.then(async () => {
      child.send(message);
      return String((await once(child, "message"))[0]);
    });
    return last;
  };
  await once(child, "message");
  return {
    async serve(endpoint) {
      const answer = await request({ do: "serve", ...endpoint });
      if (answer !== "") throw new Error(`Cannot serve ${endpoint.protocol} port ${endpoint.port}: ${answer}`);
    },
    ask: (question) => request({ do: "ask", ...question }),
    async [Symbol.asyncDispose]() {
      child.disconnect();
      await exited;
    },
  };
}

async function answer(request: Request): Promise<string> {
  if (request.do === "ask") return request.protocol === "tcp" ? askTcp(request) : askUdp(request);
  try {
    await (request.protocol === "tcp"
      ? serveTcp(request.port, request.address)
      : serveUdp(request.port, request.address));
    return "";
  } catch (error) {
    return wordOf(error);
  }
}

async function serveTcp(port: number, address = "::"): Promise<void> {
  const server = createServer((socket) => socket.end(plain(socket.remoteAddress)));
  server.listen(port, address);
  await once(server, "listening");
}

async function serveUdp(port: number, address = "::"): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (_, from) => socket.send(plain(from.address), from.port, from.address));
  socket.bind(port, address);
  await once(socket, "listening");
}

async function askTcp({ address, port, localPort, timeoutMs = TIMEOUT_MS }: Question): Promise<string> {
  const socket = connect({ host: address, port, ...(localPort !== undefined && { localPort }) });
  let heard = "";
  socket.on("data", (data) => {
    heard += String(data);
  });
  try {
    await once(socket, "end", { signal: AbortSignal.timeout(timeoutMs) });
    return heard;
  } catch (error) {
    return wordOf(error);
  } finally {
    socket.destroy();
  }
}

async function askUdp({ address, port, localPort = 0, timeoutMs = TIMEOUT_MS }: Question): Promise<string> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    socket.bind(localPort);
    await once(socket, "listening");
    socket.connect(port, address);
    await once(socket, "connect");
    socket.send("?");
    const [heard] = await once(socket, "message", { signal: AbortSignal.timeout(timeoutMs) });
    return String(heard);
  } catch (error) {
    return wordOf(error);
  } finally {
    socket.close();
  }
}

/** IPv4 as such, also where an IPv6 socket took it. */
function plain(address: string | undefined): string {
  return (address ?? "").replace("::ffff:", "");
}

function wordOf(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "timeout";
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Sent by `request` above.
  process.on("message", async (request: Request) => process.send?.(await answer(request)));
  process.on("disconnect", () => process.exit());
  process.send?.("ready");
}
