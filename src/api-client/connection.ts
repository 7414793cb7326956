/**
 * HTTP to an API server: TLS with our certificate or a token, connections kept open, errors as ApiError.
 * HTTP/1.1: a watch holds a connection of its own, so a slow one cannot hold up anything else.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { createSecureContext } from "node:tls";
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

export interface ApiConnection extends Disposable {
  /** A successful answer, its body still to be read. Rejects with ApiError. */
  open(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** A successful answer's body. */
  send(request: ApiRequest, signal: AbortSignal): Promise<JsonValue>;
  /** Closes what is open, so that requests under way fail at once; the next ones connect anew. */
  drop(): void;
}

/** An idle connection is asked for a sign of life after that. */
const KEEP_ALIVE_MS = 15_000;

/** Throws when certificate or key cannot be used. */
export function connectToApi(cluster: Cluster, { userAgent, timeoutMs }: ConnectionOptions): ApiConnection {
  const url = new URL(cluster.server);
  const { ca, certificate, key, tlsServerName } = cluster;
  const agent = new Agent({
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_MS,
    // One for all connections: making it is the larger part of a connection's cost.
    secureContext: createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
    }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
  });
  const prefix = url.pathname.replace(/\/$/, "");

  async function start(toSend: ApiRequest, signal: AbortSignal): Promise<StartedRequest> {
    const { method, path, body, contentType = "application/json" } = toSend;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const token = await cluster.token?.();
    const sent = request({
      agent,
      signal,
      method,
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? 443 : Number(url.port),
      path: prefix + path,
      headers: {
        accept: "application/json",
        "user-agent": userAgent,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(payload && { "content-type": contentType, "content-length": payload.length }),
      },
    });
    const response = responseTo(sent);
    sent.end(payload);
    return { sent, response };
  }

  async function open(toSend: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    signal.throwIfAborted();
    for (;;) {
      let started: StartedRequest | undefined;
      const giveUp = (): unknown => started?.sent.destroy(new Error(`no answer within ${timeoutMs} ms`));
      const timer = setTimeout(giveUp, timeoutMs);
      try {
        started = await start(toSend, signal);
        const response = await started.response;
        if ((response.statusCode ?? 0) < 300) return response;
        throw await readError(response);
      } catch (cause) {
        if (cause instanceof ApiError) throw cause;
        // The server closed an idle connection just when it was wanted again.
        if (toSend.method === "GET" && started?.sent.reusedSocket === true && isReset(cause)) continue;
        throw unreachable(cluster.server, cause, signal);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  return {
    open,
    async send(toSend, signal) {
      const response = await open(toSend, signal);
      const body = await text(response).catch((cause: unknown) => {
        throw unreachable(cluster.server, cause, signal);
      });
      return parseBody(body);
    },
    drop: () => agent.destroy(),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

interface StartedRequest {
  readonly sent: ClientRequest;
  readonly response: Promise<IncomingMessage>;
}

function isReset(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

/** The caller's own reason, when it was the caller who gave up. */
export function unreachable(server: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const why = cause instanceof Error ? cause.message : String(cause);
  return serviceUnavailableError(`Cannot reach API server ${server}: ${why}`, cause);
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once("response", resolve);
  // Errors behind the response come here, too; who reads the response hears of them.
  request.on("error", reject);
  return promise;
}

async function readError(response: IncomingMessage): Promise<ApiError> {
  const code = response.statusCode ?? 0;
  const body = await text(response);
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
