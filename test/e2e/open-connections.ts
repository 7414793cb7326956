/**
 * TCP connections that stay open between two pods while something happens: a program in the client's namespace holds
 * them, and sends on each only when it is asked whether they live. Started by `openConnections`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { IpAddress } from "#base/ip-address.ts";
import { inNetns, type Netns } from "#kernel/netns/netns.ts";

export interface ConnectionsReport {
  readonly alive: number;
  /** Why each of the others ended. */
  readonly ended: readonly string[];
}

export interface OpenConnections extends AsyncDisposable {
  /** A round trip over every one; one without an answer by the deadline counts as ended. */
  ask(timeoutMs?: number): Promise<ConnectionsReport>;
  /** Sends so many bytes over the first, and has all of them back. */
  transfer(bytes: number, timeoutMs: number): Promise<{ readonly durationMs: number }>;
}

type Question =
  | { readonly do: "ask"; readonly timeoutMs: number }
  | { readonly do: "transfer"; readonly bytes: number; readonly timeoutMs: number };

const PORT = 7002;
const ASK_TIMEOUT_MS = 20_000;
const CHUNK = Buffer.alloc(64 * 1024, "x");

/** Resolves when all of them stand. */
export async function openConnections(
  from: Pick<Netns, "fd">,
  to: { readonly netns: Netns; readonly address: IpAddress },
  count: number,
): Promise<OpenConnections> {
  const server = startTcpEcho(to.netns, PORT);
  const child = fork(fileURLToPath(import.meta.url), [to.address, String(count)], {
    execPath: "nsenter",
    execArgv: [`--net=/proc/${process.pid}/fd/${from.fd}`, "--", process.execPath],
  });
  const exited = once(child, "exit");
  const tell = async <T>(question: Question): Promise<T> => {
    const answer = once(child, "message", { signal: AbortSignal.timeout(question.timeoutMs + 5000) });
    child.send(question);
    // Sent by `run` for this question.
    return (await answer)[0] as T;
  };
  await once(child, "message", { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  return {
    ask: (timeoutMs = ASK_TIMEOUT_MS) => tell({ do: "ask", timeoutMs }),
    async transfer(bytes, timeoutMs) {
      const answer = await tell<{ durationMs: number } | { error: string }>({ do: "transfer", bytes, timeoutMs });
      if ("error" in answer) throw new Error(answer.error);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
      server[Symbol.dispose]();
    },
  };
}

/** Disposing ends its connections. */
export function startTcpEcho(netns: Netns, port: number): Disposable {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined); // the client tells
    socket.pipe(socket);
  });
  inNetns(netns, () => server.listen(port));
  return {
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function run(address: string, count: number): Promise<void> {
  const ended = new Map<Socket, string>();
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host: address, port: PORT, noDelay: true });
      socket.on("error", (error) => ended.set(socket, error.message));
      socket.on("end", () => ended.set(socket, "ended by the other side"));
      await once(socket, "connect");
      return socket;
    }),
  );
  process.on("message", async (question: Question) => {
    if (question.do === "ask") process.send?.(await askAll(sockets, ended, question.timeoutMs));
    else if (sockets[0]) process.send?.(await sendThrough(sockets[0], question.bytes, question.timeoutMs));
  });
  process.send?.("ready");
}

async function askAll(
  sockets: readonly Socket[],
  ended: Map<Socket, string>,
  timeoutMs: number,
): Promise<ConnectionsReport> {
  const signal = AbortSignal.timeout(timeoutMs);
  await Promise.all(
    sockets.map(async (socket) => {
      if (ended.has(socket)) return;
      const answer = once(socket, "data", { signal });
      socket.write("?");
      await answer.catch((error: Error) => ended.set(socket, ended.get(socket) ?? error.message));
    }),
  );
  return { alive: sockets.length - ended.size, ended: [...ended.values()] };
}

async function sendThrough(socket: Socket, bytes: number, timeoutMs: number): Promise<object> {
  const startedMs = performance.now();
  let heard = 0;
  const done = Promise.withResolvers<void>();
  const hear = (data: Buffer): void => {
    heard += data.length;
    if (heard >= bytes) done.resolve();
  };
  const timer = setTimeout(() => done.reject(new Error(`${heard} of ${bytes} bytes after ${timeoutMs} ms`)), timeoutMs);
  socket.on("data", hear);
  try {
    for (let sent = 0; sent < bytes; sent += CHUNK.length) {
      if (!socket.write(CHUNK.subarray(0, Math.min(CHUNK.length, bytes - sent)))) {
        await Promise.race([once(socket, "drain"), done.promise]);
      }
    }
    await done.promise;
    return { durationMs: Math.round(performance.now() - startedMs) };
  } catch (error) {
    return { error: String(error) };
  } finally {
    clearTimeout(timer);
    socket.off("data", hear);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on("disconnect", () => process.exit());
  await run(process.argv[2] ?? "", Number(process.argv[3]));
}
