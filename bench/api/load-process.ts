/** The benchmark's end of a load process: starts it and asks it one thing at a time. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { JsonValue } from "#base/json.ts";
import { endProcess } from "./end-process.ts";
import { type LoadOptions, type LoadRequest, parseReply } from "./load-protocol.ts";

export interface LoadProcess extends AsyncDisposable {
  ask(request: LoadRequest, signal: AbortSignal): Promise<JsonValue>;
}

/** The longest step, filling a cluster with pods, takes half a minute, and many times that on a busy machine. */
const STEP_DEADLINE_MS = 20 * 60_000;

export function startLoad(options: LoadOptions): LoadProcess {
  const program = fileURLToPath(new URL("./load-worker.ts", import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true, // an interrupt from the keyboard is for the benchmark, which then ends its processes
  });
  const ended = new AbortController();
  const said = text(child.stderr);
  child.once("error", (cause) => ended.abort(new Error("Cannot start a load process", { cause })));
  child.once("close", (code, signal) => {
    said.then(
      (stderr) => ended.abort(new Error(`A load process ended: ${signal ?? `exit status ${code}`}: ${stderr.trim()}`)),
      (cause: unknown) => ended.abort(cause),
    );
  });
  child.stdin.on("error", () => undefined); // the end of the process tells more
  const replies = createInterface({ input: child.stdout });

  return {
    async ask(request, signal) {
      ended.signal.throwIfAborted();
      const stop = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(STEP_DEADLINE_MS)]);
      const reply = once(replies, "line", { signal: stop });
      child.stdin.write(`${JSON.stringify(request)}\n`);
      let line: unknown;
      try {
        [line] = await reply;
      } catch (error) {
        throw stop.aborted ? stop.reason : error;
      }
      return parseReply(String(line));
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await endProcess(child);
    },
  };
}
