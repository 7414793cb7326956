/**
 * The API server's listener: TLS with client certificates, HTTP/2 and HTTP/1.1 on one port, limits against clients
 * that are slow, large or gone, and an orderly end. What requests mean is not known here.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { KeyPair } from "../pki/sign-certificate.ts";
import type { Upgrade } from "./connect/serve-connect.ts";
import type { RequestHandler } from "./create-request-handler.ts";
import { endIdleSessions } from "./end-idle-sessions.ts";
import type { ListenerLimits } from "./listener-limits.ts";

export interface Listen {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface ListenerOptions {
  readonly listen: Listen;
  readonly certificate: KeyPair;
  /** PEM: signs client certificates. */
  readonly clientAuthority: string;
  readonly handle: RequestHandler;
  readonly limits: ListenerLimits;
  /** Told once, at the beginning of the end: streams end themselves. */
  readonly stopping: AbortController;
}

export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Shown to clients that connect from now on. */
  useCertificate(certificate: KeyPair): void;
}

/** Time without a word until a peer is asked whether it still exists. */
const KEEP_ALIVE_MS = 30_000;
/** What connections get to end when the server stops. */
const STOP_MS = 5_000;
/** What a peer gets to read why its connection is closed, before it is. */
const CLOSE_MS = 500;
const MAX_STREAMS = 4096;
/** MiB of unsent data and headers on one HTTP/2 connection. */
const MAX_SESSION_MEBIBYTES = 256;

/** Resolves when it listens. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { listen, certificate, clientAuthority, handle, stopping, limits } = options;
  const contextOf = (pair: KeyPair) =>
    ({ key: pair.key, cert: pair.certificate, ca: clientAuthority, minVersion: "TLSv1.2" }) as const;
  const server = createSecureServer({
    ...contextOf(certificate),
    allowHTTP1: true,
    requestCert: true,
    // Whoever comes without a certificate may have a token; bad certificates are refused with a Status.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMs,
    maxSessionMemory: MAX_SESSION_MEBIBYTES,
    settings: { maxConcurrentStreams: MAX_STREAMS },
    ...http1LimitsOf(limits),
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (request, response) => {
    // HTTP/0.9 has no host, no length and no end.
    if (request.httpVersionMajor < 1) closeSoon(request.socket, bareAnswer("400 Bad Request"));
    else void handle(request, response);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    serveUpgrade(handle, request, socket, head),
  );
  endIdleSessions(server, limits.idleMs);
  ignoreBrokenClients(server);
  await listening(server, listen);
  // A TCP server has an AddressInfo once it listens.
  const { address: host, port } = server.address() as AddressInfo;
  return {
    host,
    port,
    useCertificate: (pair) => server.setSecureContext(contextOf(pair)),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      // Takes no more connections, and closes the others once they are idle.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, STOP_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function http1LimitsOf({ headersMs, requestMs, idleMs }: ListenerLimits) {
  return {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    // How exact these limits are.
    connectionsCheckingInterval: Math.min(5_000, headersMs / 2),
  };
}

async function listening(server: Http2SecureServer, { host, port }: Listen): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw new Error(`Cannot listen on ${host}:${port}: ${(cause as Error).message}`, { cause });
  } finally {
    server.off("error", reject);
  }
}

/** Node gives an upgrade as a bare socket; a response on top of it lets refusals go the way of all answers. */
function serveUpgrade(handle: RequestHandler, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // Node gives the connection's own socket here.
  response.assignSocket(socket as Socket);
  response.on("finish", () => closeSoon(socket));
  socket.on("error", () => socket.destroy());
  const upgrade: Upgrade = { socket, head, detach: () => response.detachSocket(socket as Socket) };
  void handle(request, response, upgrade);
}

/** Clients that break off or send nonsense are no event: the connection ends, the server goes on. */
function ignoreBrokenClients(server: Http2SecureServer): void {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    if (socket.writable) {
      closeSoon(socket, bareAnswer(statusOf(error.code)));
    } else socket.destroy();
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("sessionError", (_error, session) => session.destroy());
}

/** Whether the peer reads and closes its end or not; at once would throw away what it has not read yet. */
function closeSoon(socket: Duplex, last = ""): void {
  socket.end(last);
  const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
  socket.once("close", () => clearTimeout(timer));
}

/** For who speaks no HTTP that could be answered in order. */
function bareAnswer(status: string): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
}

function statusOf(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  return code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
}
