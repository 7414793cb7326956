/**
 * Finds a plugin in CNI_PATH and runs it as a process: how every CNI runtime, and every plugin that delegates,
 * calls another one. Source: CNI SPEC 1.1.0 section 2; search order and texts as in libcni.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CniError } from "../cni-error.ts";
import type { Environment } from "../environment.ts";
import { errorMessage } from "../error-message.ts";

export interface PluginCall {
  readonly type: string;
  /** The whole environment of the call; CNI_PATH says where to look. */
  readonly environment: Environment;
  readonly stdin: string;
}

export interface ProcessOutcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined when a signal ended the process. */
  readonly exitCode: number | undefined;
  readonly exitSignal?: string;
}

/** Runs a plugin to its end. Rejects when it cannot be run at all; a failure of its own is an outcome. */
export type RunPluginProcess = (call: PluginCall, signal?: AbortSignal) => Promise<ProcessOutcome>;

/** Default of the runtime: the first regular file of that name in CNI_PATH. */
export const execPlugin: RunPluginProcess = (call, signal) =>
  execFile(findPlugin(call.type, splitPath(call.environment["CNI_PATH"])), call, signal);

export function splitPath(path = ""): readonly string[] {
  return path === "" ? [] : path.split(":");
}

export function findPlugin(type: string, path: readonly string[]): string {
  if (type === "") throw new CniError("invalidConfig", "no plugin name provided");
  if (type.includes("/")) throw new CniError("invalidConfig", `invalid plugin name: ${type}`);
  if (path.length === 0) throw new CniError("invalidEnvironment", "no paths provided");
  const found = path.map((directory) => join(directory, type)).find(isRegularFile);
  if (found !== undefined) return found;
  const message = `failed to find plugin ${JSON.stringify(type)} in path [${path.join(" ")}]`;
  throw new CniError("invalidConfig", message);
}

/** A file that is being installed is busy (ETXTBSY) for a moment, and nothing tells when that ends. As libcni does. */
const BUSY_ATTEMPTS = 6;
const BUSY_PAUSE_MS = 1000;

export async function execFile(file: string, call: PluginCall, signal?: AbortSignal): Promise<ProcessOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(file, call, signal);
    } catch (cause) {
      if (signal?.aborted === true) throw abortedError(call, signal);
      if (attempt === BUSY_ATTEMPTS || !isTextFileBusy(cause)) {
        throw new CniError("ioFailure", `netplugin failed with no error message: ${errorMessage(cause)}`, "", {
          cause,
        });
      }
    }
    await wait(BUSY_PAUSE_MS, undefined, signal && { signal }).catch((cause: unknown) => {
      throw signal === undefined ? cause : abortedError(call, signal);
    });
  }
}

function abortedError({ type, environment }: PluginCall, { reason }: AbortSignal): CniError {
  const what = `Cannot finish ${environment["CNI_COMMAND"]} of plugin ${JSON.stringify(type)}`;
  return new CniError("internal", `${what}: it was stopped: ${errorMessage(reason)}`, "", { cause: reason });
}

async function runOnce(file: string, call: PluginCall, signal?: AbortSignal): Promise<ProcessOutcome> {
  signal?.throwIfAborted();
  const child = spawn(file, { env: { ...call.environment }, stdio: "pipe" });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => stderr.push(bytes));
  // A plugin need not read its configuration; how it ends tells what came of it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(call.stdin);
  const stop = () => {
    child.kill("SIGKILL");
    // A process it left behind may hold the pipes; without this, "close" would wait for that one.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    // "close" comes when the output is complete, "exit" may come before that.
    const [exitCode, exitSignal] = await once(child, "close");
    signal?.throwIfAborted();
    return {
      stdout: Buffer.concat(stdout).toString("utf8"),
      stderr: Buffer.concat(stderr).toString("utf8"),
      exitCode: typeof exitCode === "number" ? exitCode : undefined,
      ...(typeof exitSignal === "string" && { exitSignal }),
    };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // Whatever the reason, there is no plugin that could be run.
    return false;
  }
}

function isTextFileBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ETXTBSY";
}
