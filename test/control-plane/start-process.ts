/** Starts control-plane-process.ts, keeps what it says, and ends it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { ProcessMessage, ProcessOptions } from "./control-plane-process.ts";

export interface PlaneProcess extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** What the server called an error so far. */
  readonly errors: readonly string[];
  /** Resolves when it has ended, however that came. */
  readonly ended: Promise<unknown>;
  /** undefined while it runs. */
  ending(): string | undefined;
  /** Bytes in use after a garbage collection. */
  memory(): Promise<{ readonly rss: number; readonly heap: number }>;
  kill(signal: NodeJS.Signals): void;
}

/** Resolves when it serves. */
export async function startPlaneProcess(script: string, options: ProcessOptions): Promise<PlaneProcess> {
  const child = spawn(process.execPath, ["--expose-gc", script, JSON.stringify(options)], {
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  const errors: string[] = [];
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = (output + text).slice(-10_000);
  });
  const killAtExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killAtExit);
  const ended = once(child, "exit");
  void ended.then(() => process.off("exit", killAtExit));
  // Only this process's messages come here.
  child.on("message", (message: ProcessMessage) => {
    if (message.type === "error") errors.push(message.text);
  });
  const ending = (): string | undefined => {
    const how = child.signalCode ?? child.exitCode;
    return how === null ? undefined : `the control plane ended with ${how}: ${output}`;
  };
  const { port } = await messageOf(child, "ready", ending);
  return {
    port,
    pid: child.pid ?? 0,
    errors,
    ended,
    ending,
    async memory() {
      child.send({ type: "memory" });
      return await messageOf(child, "memory", ending);
    },
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

type MessageOf<T extends ProcessMessage["type"]> = Extract<ProcessMessage, { readonly type: T }>;

/** The next message of this type; rejects when the process ends before. */
async function messageOf<T extends ProcessMessage["type"]>(
  child: ChildProcess,
  type: T,
  ending: () => string | undefined,
): Promise<MessageOf<T>> {
  const { promise, resolve, reject } = Promise.withResolvers<MessageOf<T>>();
  const onMessage = (message: ProcessMessage): void => {
    // The type says which member of the union it is.
    if (message.type === type) resolve(message as MessageOf<T>);
  };
  const onExit = (): void => reject(new Error(ending()));
  child.on("message", onMessage);
  child.on("exit", onExit);
  try {
    return await promise;
  } finally {
    child.off("message", onMessage);
    child.off("exit", onExit);
  }
}
