/**
 * The kubelet's own API, for API servers only (mTLS): logs, exec, attach, port-forward, healthz.
 * Source: Kubernetes documentation, "Kubelet authentication/authorization"; paths as API servers ask for them.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Log } from "#base/log.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import { findContainers, findSandbox } from "./container-lookup.ts";
import { parseLogQuery } from "./log-query.ts";
import { passStream, refuse } from "./pass-stream.ts";
import { streamLog } from "./stream-log.ts";

export interface KubeletServerOptions {
  readonly cri: CriClient;
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** PEM. Clients need a certificate of `clientCa`. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string };
  /** Why a container that is not there has not started: ContainerCreating. undefined: there is no such pod. */
  waitingReason(namespace: string, pod: string, container: string): string | undefined;
  readonly log: Log;
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number;
}

/** What the client is told, with its code. */
class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const STREAMS = ["exec", "attach", "portForward"] as const;

export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { tls, host, port, log } = options;
  const stop = new AbortController();
  const sockets = new Set<Duplex>();
  const server = createServer({
    cert: tls.certificate,
    key: tls.key,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("connection", (socket: Duplex) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (request, response) => {
    const ended = new AbortController();
    response.on("close", () => ended.abort());
    const signal = AbortSignal.any([stop.signal, ended.signal]);
    serveRequest(options, request, response, signal).catch((error: unknown) => {
      if (signal.aborted || response.headersSent) {
        response.destroy();
        return;
      }
      const { code, message } = refusalOf(error);
      response.writeHead(code, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
    });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined); // a client that goes away is no error here
    openStream(options, request, stop.signal)
      .then((url) => passStream(url, { incoming: request, socket, head }))
      .catch((error: unknown) => {
        const { code, message } = refusalOf(error);
        log.error("stream refused", { path: request.url ?? "", message });
        refuse(socket, code, message);
      });
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    // A TCP server has an AddressInfo.
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the kubelet stops"));
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

async function serveRequest(
  options: KubeletServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? "/", "https://kubelet");
  const [place = "", ...parts] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  if (place === "healthz") {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok");
    return;
  }
  if (STREAMS.some((stream) => stream === place)) throw new Refusal(400, "Upgrade request required");
  if (place !== "containerLogs" || parts.length !== 3) throw new Refusal(404, "404 page not found");
  await serveLog(options, { parts, query: url.searchParams }, response, signal);
}

interface LogRequest {
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

async function serveLog(
  { cri, waitingReason }: KubeletServerOptions,
  { parts: [namespace = "", pod = "", container = ""], query: text }: LogRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const query = parseLogQuery(text, Date.now());
  const found = (await findContainers(cri, { namespace, pod, container }, signal)).filter(
    ({ logPath }) => logPath !== "",
  );
  if (found.length === 0 && !query.isPrevious) {
    const reason = waitingReason(namespace, pod, container);
    if (reason === undefined) throw new Refusal(404, `pod "${pod}" not found`);
    throw new Refusal(400, `container "${container}" in pod "${pod}" is waiting to start: ${reason}`);
  }
  const chosen = query.isPrevious ? found.filter(({ isRunning }) => !isRunning) : found;
  // The one before the newest; while the newest has ended and waits for its restart, that one is meant.
  const instance = query.isPrevious && found[0]?.isRunning === false && chosen.length > 1 ? chosen[1] : chosen[0];
  if (instance === undefined || (query.isPrevious && instance === found[0] && found.length < 2)) {
    throw new Refusal(400, `previous terminated container "${container}" in pod "${pod}" not found`);
  }
  const isRunning = async (current: AbortSignal): Promise<boolean> => {
    const { status } = await cri.containerStatus({ containerId: instance.id }, current);
    return status?.state === "CONTAINER_RUNNING";
  };
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  await pipeline(Readable.from(streamLog({ path: instance.logPath, isRunning }, query, signal)), response);
}

/** Gives the runtime's URL for the streams. */
async function openStream(
  { cri }: KubeletServerOptions,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<string> {
  const { pathname, searchParams: query } = new URL(request.url ?? "/", "https://kubelet");
  const [place, namespace = "", pod = "", container = ""] = pathname.slice(1).split("/").map(decodeURIComponent);
  if (place === "portForward") {
    const podSandboxId = await findSandbox(cri, { namespace, pod }, signal);
    if (podSandboxId === undefined) throw new Refusal(404, `pod not found ("${pod}_${namespace}")`);
    const port = (query.get("port") ?? "").split(",").filter(Boolean).map(Number);
    return withPorts((await cri.portForward({ podSandboxId, port }, signal)).url, port);
  }
  if (place !== "exec" && place !== "attach") throw new Refusal(404, "404 page not found");
  const found = (await findContainers(cri, { namespace, pod, container }, signal)).find(({ isRunning }) => isRunning);
  if (found === undefined) throw new Refusal(404, `container not found ("${container}")`);
  const flag = (name: string): boolean => ["1", "true"].includes(query.get(name) ?? "");
  const tty = flag("tty");
  const streams = {
    containerId: found.id,
    tty,
    stdin: flag("input"),
    stdout: flag("output"),
    stderr: flag("error") && !tty,
  };
  const { url } =
    place === "attach"
      ? await cri.attach(streams, signal)
      : await cri.exec({ ...streams, cmd: query.getAll("command") }, signal);
  return url;
}

/** WebSocket clients of the runtime name their ports in the query. */
function withPorts(url: string, ports: readonly number[]): string {
  if (ports.length === 0) return url;
  const target = new URL(url);
  for (const port of ports) target.searchParams.append("port", String(port));
  return target.href;
}

function refusalOf(error: unknown): { readonly code: number; readonly message: string } {
  if (error instanceof Refusal) return error;
  if (error instanceof RangeError) return { code: 400, message: error.message };
  if (error instanceof CriError && error.code === "NOT_FOUND") return { code: 404, message: error.details };
  return { code: 500, message: error instanceof Error ? error.message : String(error) };
}
