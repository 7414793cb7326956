/**
 * The kubelet's own API, for API servers only (mTLS): logs, exec, attach, port-forward, healthz.
 * Source: Kubernetes documentation, "Kubelet authentication/authorization"; paths as API servers ask for them.
 */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "#base/log.ts";
import type { CriClient } from "#cri/cri-client.ts";
import type { LogEvents } from "../logs/follow-log.ts";
import { serveLog } from "../logs/serve-log.ts";
import { API_SERVER_CLIENTS, authorizeClient } from "./authorize-client.ts";
import { Refusal, refusalOf, refuse } from "./refusal.ts";
import { STREAMS, serveStream } from "./streams/serve-stream.ts";

export interface KubeletServerOptions {
  readonly cri: CriClient;
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** PEM. Clients need a certificate of `clientCa`. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly clientCa: string };
  /** Common names of clients that may ask; by default API servers. */
  readonly clientNames?: readonly string[];
  readonly containerEnds: LogEvents;
  /** Its log is being rotated. */
  isRotating(containerId: string): boolean;
  /** Why a container that is not there has not started: ContainerCreating. undefined: there is no such pod. */
  waitingReason(namespace: string, pod: string, container: string): string | undefined;
  readonly log: Log;
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number;
}

export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { cri, tls, host, port, log, clientNames = API_SERVER_CLIENTS } = options;
  const stop = new AbortController();
  const sockets = new Set<Duplex>();
  const server = createServer({
    cert: tls.certificate,
    key: tls.key,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: true,
    // Logs are followed, and streams are open, for as long as people look.
    requestTimeout: 0,
  });
  server.on("connection", (socket: Duplex) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error) => log.error("client refused", { error: error.message }));
  server.on("request", (request, response) => {
    const ended = new AbortController();
    response.on("close", () => ended.abort());
    const signal = AbortSignal.any([stop.signal, ended.signal]);
    serveRequest(options, clientNames, request, response, signal).catch((error: unknown) => {
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
    const serve = async (): Promise<void> => {
      authorizeClient(request, clientNames);
      await serveStream(cri, { request, socket, head }, stop.signal);
    };
    serve().catch((error: unknown) => {
      const { code, message } = refusalOf(error);
      if (!stop.signal.aborted) log.error("stream refused", { path: request.url?.split("?")[0] ?? "", code, message });
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
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serveRequest(
  options: KubeletServerOptions,
  clientNames: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  authorizeClient(request, clientNames);
  const url = new URL(request.url ?? "/", "https://kubelet");
  const [place = "", ...parts] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  if (place === "healthz") {
    response.writeHead(200, { "content-type": "text/plain" }).end("ok");
    return;
  }
  if (STREAMS.includes(place)) throw new Refusal(400, "Upgrade request required");
  const [namespace, pod, container] = parts;
  if (place !== "containerLogs" || namespace === undefined || pod === undefined || container === undefined) {
    throw new Refusal(404, "404 page not found");
  }
  await serveLog(options, { namespace, pod, container, query: url.searchParams }, response, signal);
}
