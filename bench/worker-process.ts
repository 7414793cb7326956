/** The benchmark's end of a worker: starts it in fresh namespaces and asks it one thing at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { JsonValue } from "#base/json.ts";
import { formatRequest, parseReply, type WorkerOptions, type WorkerRequest } from "./worker-protocol.ts";

export interface BenchWorker extends AsyncDisposable {
  /** The process whose descendants are the worker, its agent and all plugins. */
  readonly rootPid: number;
  ask(request: WorkerRequest, signal: AbortSignal): Promise<JsonValue>;
}

/** The slowest step, 80 pods of the reference with two plugins on a slow machine, takes a minute. */
const STEP_DEADLINE_MS = 10 * 60_000;
const END_DEADLINE_MS = 10_000;

/** Equal to `unshare --net --mount --pid --fork --kill-child --mount-proc node bench/worker.ts`. */
export function startWorker(options: WorkerOptions): BenchWorker {
  const program = fileURLToPath(new URL("./worker.ts", import.meta.url));
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const argv = [...namespaces, "--", process.execPath, program, JSON.stringify(options)];
  const child = spawn("unshare", argv, {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true, // an interrupt from the keyboard is for the benchmark, which then ends its workers
  });
  const ended = new AbortController();
  const said = text(child.stderr);
  child.once("error", (cause) => ended.abort(new Error('Cannot start a worker with "unshare"', { cause })));
  child.once("close", (code, signal) => {
    said.then(
      (stderr) => ended.abort(new Error(`A worker ended: ${signal ?? `exit status ${code}`}: ${stderr.trim()}`)),
      (cause: unknown) => ended.abort(cause),
    );
  });
  child.stdin.on("error", () => undefined); // the worker's end tells more
  const replies = createInterface({ input: child.stdout });

  return {
    rootPid: child.pid ?? 0,
    async ask(request, signal) {
      ended.signal.throwIfAborted();
      const late = AbortSignal.timeout(STEP_DEADLINE_MS);
      const stop = AbortSignal.any([signal, ended.signal, late]);
      const reply = once(replies, "line", { signal: stop });
      child.stdin.write(formatRequest(request));
      try {
        const [line] = await reply;
        return parseReply(String(line));
      } catch (error) {
        throw stop.aborted ? stop.reason : error;
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, "exit");
      child.stdin.end();
      const deadline = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
      await exited;
      clearTimeout(deadline);
    },
  };
}
