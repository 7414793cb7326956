/** Agents as processes that can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { inNetns } from "#kernel/netns/netns.ts";
import type { TestNode } from "./node.ts";

export interface AgentProcess extends AsyncDisposable {
  /** Resolves when its socket accepts: all that another agent left half done is finished. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Resolves with the signal that ended it. */
  readonly ended: Promise<string | undefined>;
  /** What it wrote to stderr until now. */
  log(): string;
}

const DEADLINE_MS = 20_000;

/** The process is there and has loaded its code; it does nothing until `start`. */
export function loadAgent(node: TestNode, program: string): AgentProcess {
  const child = inNetns(node.netns, () =>
    spawn(process.execPath, [program], { env: node.environment, stdio: ["pipe", "pipe", "pipe"] }),
  );
  child.stdin.on("error", () => undefined); // it was killed
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close").then(([, signal]) => (typeof signal === "string" ? signal : undefined));
  return {
    async start() {
      const early = ended.then(() => Promise.reject(new Error(`The agent ended before it was ready: ${log}`)));
      early.catch(() => undefined);
      const ready = Promise.withResolvers<void>();
      lines.on("line", (line) => line === "ready" && ready.resolve());
      child.stdin.write("start\n");
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const late = once(signal, "abort").then(() => Promise.reject(new Error(`The agent is not ready: ${log}`)));
      await Promise.race([ready.promise, early, late]);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    ended,
    log: () => log,
    [Symbol.asyncDispose]: () => end(child, ended),
  };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.stdin?.end("start\n");
  const deadline = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  await ended;
  clearTimeout(deadline);
}
