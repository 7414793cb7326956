/**
 * Runs a part of a benchmark in namespaces of its own, so that clusters that it starts touch nothing of the machine's
 * and end with it.
 */
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { STATE_FOLDERS, spawnIsolated } from "#cli/testing/isolated-process.ts";

export type IsolatedMessage =
  | { readonly kind: "progress"; readonly line: string }
  | { readonly kind: "result"; readonly value: unknown }
  | { readonly kind: "failed"; readonly message: string };

export interface IsolatedOptions {
  /** A module that calls `serveIsolated`. */
  readonly program: string;
  /** Given to it, as JSON. */
  readonly request: unknown;
  readonly progress: (line: string) => void;
}

/** It takes down what it has started; control groups would outlive its namespaces. */
const STOP_DEADLINE_MS = 60_000;

/** What the program gave as result. Aborting stops it in order, and in the end by force. */
export async function runIsolated(
  { program, request, progress }: IsolatedOptions,
  signal: AbortSignal,
): Promise<unknown> {
  for (const folder of STATE_FOLDERS) mkdirSync(folder, { recursive: true });
  const child = spawnIsolated({ program: [program, JSON.stringify(request)], detached: true });
  let deadline: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (child.connected) child.send("stop");
    deadline = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  };
  signal.addEventListener("abort", stop, { once: true });
  let end: IsolatedMessage | undefined;
  child.on("message", (received) => {
    // Sent by serveIsolated as this type.
    const message = received as IsolatedMessage;
    if (message.kind === "progress") progress(message.line);
    else end = message;
  });
  try {
    await once(child, "close");
    signal.throwIfAborted();
    if (end?.kind === "result") return end.value;
    throw new Error(end?.kind === "failed" ? end.message : "Cannot measure: the isolated part ended early");
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", stop);
  }
}

/** The other side: runs `measure` with the request, and sends what it gives. */
export async function serveIsolated<Request>(
  measure: (request: Request, progress: (line: string) => void, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  // "stop", or nobody is there any more.
  for (const event of ["message", "disconnect"] as const) process.once(event, () => stop.abort());
  const tell = (message: IsolatedMessage): unknown => process.connected && process.send?.(message);
  try {
    // Formatted by runIsolated from this type.
    const request = JSON.parse(process.argv[2] ?? "") as Request;
    tell({ kind: "result", value: await measure(request, (line) => tell({ kind: "progress", line }), stop.signal) });
  } catch (error) {
    tell({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  } finally {
    if (process.connected) process.disconnect();
  }
}
