/** Our control plane as users start it: from its bundle, as a process of its own. */
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { startServer } from "./server-process.ts";

export interface ControlPlaneProcess extends AsyncDisposable {
  readonly pid: number;
  readonly kubeconfig: string;
  /** From just before the process was started to the answer of /readyz. */
  readonly readyMs: number;
}

export interface ControlPlaneStart {
  /** Command line that stands for `podwire`. */
  readonly podwire: readonly string[];
  readonly dataDir: string;
  /** "sqlite", or "etcd://HOST:PORT". */
  readonly store: string;
}

export async function startControlPlane(
  { podwire, dataDir, store }: ControlPlaneStart,
  signal: AbortSignal,
): Promise<ControlPlaneProcess> {
  const kubeconfig = join(dataDir, "admin.kubeconfig");
  const options = ["--listen", "127.0.0.1:0", "--data-dir", dataDir, "--kubeconfig", kubeconfig, "--store", store];
  const server = await startServer([...podwire, "control-plane", ...options], /(https:\/\/\S+) is ready/, signal);
  try {
    await requireReady(new URL("/readyz", server.readyLine[1]), signal);
    const readyMs = performance.now() - server.startedAt;
    return { pid: server.pid, kubeconfig, readyMs, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whoever asks for health needs no certificate, and does not look at the server's. */
async function requireReady(url: URL, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(url, { rejectUnauthorized: false, agent: false, signal })
    .once("response", resolve)
    .once("error", reject)
    .end();
  const response = await promise;
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`/readyz: HTTP ${response.statusCode}: ${body}`);
}
