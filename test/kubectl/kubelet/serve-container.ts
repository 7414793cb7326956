/** What runs in a container of the fake kubelet: fixed logs, and commands of this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ContainerSession } from "./container-session.ts";

/** The programs that exec finds in a container. */
const PATH = "/usr/bin:/bin";
const NOT_FOUND = 127;

/** Runs a command of this machine with the session's streams. */
export async function execInContainer(session: ContainerSession, command: readonly string[], podName: string) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    env: { PATH, HOSTNAME: podName },
    stdio: ["pipe", "pipe", "pipe"],
    signal: session.closed,
  });
  child.stdin.on("error", () => undefined); // a program may end without reading its input
  session.stdin.pipe(child.stdin);
  child.stdout.pipe(session.stdout, { end: false });
  child.stderr.pipe(session.stderr, { end: false });
  const { promise, resolve } = Promise.withResolvers<number>();
  child.on("close", (code) => resolve(code ?? NOT_FOUND));
  child.on("error", () => resolve(NOT_FOUND));
  await session.end(await promise);
}

/** The container's process says who it is, then gives back in capitals what it reads, until that ends. */
export async function attachToContainer(session: ContainerSession, podName: string): Promise<void> {
  session.stdout.write(`this is ${podName}\n`);
  session.stdin.on("data", (chunk: Buffer) => session.stdout.write(chunk.toString().toUpperCase()));
  if (!session.stdin.readableEnded) await once(session.stdin, "end", { signal: session.closed });
  await session.end(0);
}

export interface LogOptions {
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly hasTimestamps: boolean;
  readonly isPrevious: boolean;
}

const LOG_TIME = "2026-01-02T03:04:05.000000006Z";

export function containerLog(container: string, options: LogOptions): string {
  const life = options.isPrevious ? "previous " : "";
  const all = [1, 2, 3].map((number) => `${life}line ${number} of ${container}`);
  const lines = options.tailLines === undefined ? all : all.slice(all.length - Math.min(options.tailLines, all.length));
  const text = lines.map((line) => `${options.hasTimestamps ? `${LOG_TIME} ` : ""}${line}\n`).join("");
  return text.slice(0, options.limitBytes ?? text.length);
}
