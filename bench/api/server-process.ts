/** Programs that are measured: started with the clock running, ready when they say so. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { endProcess } from "./end-process.ts";

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** performance.now() just before it was started. */
  readonly startedAt: number;
  /** The match of the line that says that it is ready. */
  readonly readyLine: RegExpExecArray;
}

const READY_DEADLINE_MS = 60_000;
const KEPT_LINES = 30;

/** Resolves when a line on its stderr matches. */
export async function startServer(
  argv: readonly string[],
  isReady: RegExp,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const [program = "", ...args] = argv;
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const end = async (): Promise<void> => {
    process.off("exit", killAtExit);
    await endProcess(child);
  };
  try {
    const readyLine = await lineOf(child, isReady, AbortSignal.any([signal, AbortSignal.timeout(READY_DEADLINE_MS)]));
    return { pid: child.pid ?? 0, startedAt, readyLine, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Lines behind it are read and thrown away, so that the pipe never fills. */
async function lineOf(child: ChildProcess, wanted: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
  const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
  const lines: string[] = [];
  const fail = (why: string): void => reject(new Error(`${child.spawnargs[0]}: ${why}:\n${lines.join("\n")}`));
  createInterface({ input: child.stderr ?? process.stdin }).on("line", (line) => {
    if (lines.push(line) > KEPT_LINES) lines.shift();
    const match = wanted.exec(line);
    if (match !== null) resolve(match);
  });
  const onAbort = (): void => fail(String(signal.reason));
  child.once("error", reject);
  child.once("exit", (code, name) => fail(`ended with ${name ?? code}`));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Ports of 127.0.0.1 that are free now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server.listen(0, "127.0.0.1"), "listening");
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    }),
  );
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
