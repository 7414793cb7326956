/**
 * HTTP/2 to an API server: TLS with our certificate or a token, one connection for all requests and watches, errors as
 * ApiError. A watch that nobody reads holds up itself alone: Node gives back the connection's window as bytes come.
 * Source: RFC 9113.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { text } from "node:stream/consumers";
import { connect as connectTls, createSecureContext, type TLSSocket } from "node:tls";
import { ApiError, apiErrorFromStatus, internalError, serviceUnavailableError } from "#api/api-error.ts";
import { isJsonObject, type JsonValue } from "#base/json.ts";
import type { Cluster } from "./kubeconfig.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: JsonValue;
  /** Default: application/json. */
  readonly contentType?: string;
}

export interface ConnectionOptions {
  readonly userAgent: string;
  /** Until an answer begins. */
  readonly timeoutMs: number;
}

export interface ApiAnswer {
  /** To be read once. Throws when the answer is cut off. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends it, read or not. */
  close(): void;
}

export interface ApiConnection extends Disposable {
  /** A successful answer, its body still to be read. Rejects with ApiError. */
  open(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer>;
  /** A successful answer's body. */
  send(request: ApiRequest, signal: AbortSignal): Promise<JsonValue>;
  /** Closes what is open, so that requests under way fail at once; the next ones connect anew. */
  drop(): void;
}

/** A silent connection is asked for a sign of life after that. */
const KEEP_ALIVE_MS = 15_000;
/** What the server may send ahead of its reader, on each stream: a list of thousands of objects needs few round trips. */
const WINDOW_BYTES = 1 << 20;

/** Throws when certificate or key cannot be used. */
export function connectToApi(cluster: Cluster, { userAgent, timeoutMs }: ConnectionOptions): ApiConnection {
  const url = new URL(cluster.server);
  const { ca, certificate, key, tlsServerName } = cluster;
  const secureContext = createSecureContext({
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  });
  const prefix = url.pathname.replace(/\/$/, "");
  let current: Session | undefined;

  function session(): Session {
    if (current === undefined || !isOpen(current.http2)) {
      current = openSession(url.origin, () => {
        const socket = connectTls({
          host: url.hostname.replace(/^\[|\]$/g, ""),
          port: url.port === "" ? 443 : Number(url.port),
          secureContext,
          ALPNProtocols: ["h2"],
          ...(tlsServerName !== undefined && { servername: tlsServerName }),
        });
        socket.setNoDelay(true);
        return socket.setKeepAlive(true, KEEP_ALIVE_MS);
      });
    }
    return current;
  }

  async function start(toSend: ApiRequest, signal: AbortSignal): Promise<StartedRequest> {
    const { method, path, body, contentType = "application/json" } = toSend;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const token = await cluster.token?.();
    signal.throwIfAborted();
    const over = session();
    const isReused = over.isEstablished();
    const stream = over.request({
      ":method": method,
      ":path": prefix + path,
      accept: "application/json",
      "user-agent": userAgent,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(payload && { "content-type": contentType, "content-length": payload.length }),
    });
    const abort = (): void => void stream.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", abort));
    const response = responseTo(stream, over);
    stream.end(payload);
    return { stream, response, isReused };
  }

  async function open(toSend: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    signal.throwIfAborted();
    for (;;) {
      let started: StartedRequest | undefined;
      const giveUp = (): unknown => started?.stream.destroy(new Error(`no answer within ${timeoutMs} ms`));
      const timer = setTimeout(giveUp, timeoutMs);
      try {
        started = await start(toSend, signal);
        const { status, answer } = await started.response;
        if (status < 300) return answer;
        throw await readError(status, answer);
      } catch (cause) {
        if (cause instanceof ApiError) throw cause;
        // The server closed a connection just when it was wanted again.
        if (toSend.method === "GET" && started?.isReused === true && !signal.aborted && isCut(cause)) continue;
        throw unreachable(cluster.server, cause, signal);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  const drop = (): void => current?.http2.destroy();
  return {
    open,
    async send(toSend, signal) {
      const answer = await open(toSend, signal);
      const body = await text(answer.body).catch((cause: unknown) => {
        throw unreachable(cluster.server, cause, signal);
      });
      return parseBody(body);
    },
    drop,
    [Symbol.dispose]: drop,
  };
}

interface StartedRequest {
  readonly stream: ClientHttp2Stream;
  readonly response: Promise<Response>;
  /** Over a connection that was there before. */
  readonly isReused: boolean;
}

interface Response {
  readonly status: number;
  readonly answer: ApiAnswer;
}

interface Session {
  readonly http2: ClientHttp2Session;
  /** Holds the process as long as its stream is open. */
  request(headers: Parameters<ClientHttp2Session["request"]>[0]): ClientHttp2Stream;
  isEstablished(): boolean;
  /** Why the connection came to its end, for streams that only hear that they were cancelled. */
  error(): Error | undefined;
}

function openSession(origin: string, createConnection: () => TLSSocket): Session {
  const http2 = connect(origin, { createConnection, settings: { initialWindowSize: WINDOW_BYTES, enablePush: false } });
  let isEstablished = false;
  let error: Error | undefined;
  let streams = 0;
  http2.on("error", (cause) => {
    error = cause;
  });
  http2.once("connect", (_session, socket) => {
    isEstablished = true;
    if ("alpnProtocol" in socket && socket.alpnProtocol !== "h2") {
      http2.destroy(new Error("the server does not speak HTTP/2"));
    }
  });
  return {
    http2,
    isEstablished: () => isEstablished,
    error: () => error,
    request(headers) {
      const stream = http2.request(headers, { endStream: false });
      if (streams++ === 0) http2.ref();
      stream.once("close", () => {
        if (--streams === 0 && isOpen(http2)) http2.unref();
      });
      return stream;
    },
  };
}

function isOpen({ closed, destroyed }: ClientHttp2Session): boolean {
  return !closed && !destroyed;
}

/** The connection ended, or the server said that it has not looked at this stream. */
function isCut(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error)) return false;
  return error.code === "ECONNRESET" || error.code === "EPIPE" || error.code === "ERR_HTTP2_STREAM_CANCEL";
}

/** The caller's own reason, when it was the caller who gave up. */
export function unreachable(server: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const why = cause instanceof Error ? cause.message : String(cause);
  return serviceUnavailableError(`Cannot reach API server ${server}: ${why}`, cause);
}

function responseTo(stream: ClientHttp2Stream, { error }: Session): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const answer = { body: readWhole(stream, error), close: () => void stream.destroy() };
  stream.once("response", (headers) => resolve({ status: headers[":status"] ?? 0, answer }));
  // Errors behind the response come here, too; who reads the response hears of them.
  stream.on("error", (cause) => reject(error() ?? cause));
  stream.once("close", () => reject(error() ?? cutError()));
  return promise;
}

/** Node ends a stream in order that is reset with "cancel", as all are when their connection is lost. */
async function* readWhole(stream: ClientHttp2Stream, error: Session["error"]): AsyncGenerator<Buffer> {
  yield* stream;
  if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw error() ?? cutError();
}

function cutError(): Error {
  return Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
}

async function readError(code: number, answer: ApiAnswer): Promise<ApiError> {
  const body = await text(answer.body);
  return (
    errorOf(body) ?? new ApiError({ code, reason: "InternalError", message: `HTTP ${code}: ${body.slice(0, 200)}` })
  );
}

function errorOf(body: string): ApiError | undefined {
  try {
    const status: unknown = JSON.parse(body);
    return isJsonObject(status) ? apiErrorFromStatus(status) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parseBody(body: string): JsonValue {
  try {
    // What JSON.parse returns is JSON.
    return JSON.parse(body) as JsonValue;
  } catch (cause) {
    throw internalError("the API server answered something that is no JSON", cause);
  }
}
