/**
 * Runs an exported function in a thread of its own: node:test follows every promise in its thread, which costs more
 * than the millions of them that a crowd of watchers needs.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

interface Call {
  readonly module: string;
  readonly name: string;
  readonly argument: unknown;
}

/** `module`: its URL. What goes in and out must be plain data. */
export async function runInWorker<A, R>(module: URL, run: (argument: A) => Promise<R>, argument: A): Promise<R> {
  const call: Call = { module: module.href, name: run.name, argument };
  const worker = new Worker(new URL(import.meta.url), { workerData: call });
  // Rejects with the error that the function threw.
  const [result] = await once(worker, "message");
  await worker.terminate();
  // The function of that name gave it.
  return result as R;
}

/** What it rejects with ends the worker, and comes out of `runInWorker`. */
async function serve({ module, name, argument }: Call): Promise<void> {
  const { [name]: run } = await import(module);
  parentPort?.postMessage(await run(argument));
}

// This file is no worker but by the function above.
if (!isMainThread) void serve(workerData as Call);
