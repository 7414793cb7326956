/**
 * HTTP to an API server: TLS with our certificate or a token, connections kept open, errors as ApiError.
 * HTTP/1.1: a watch holds a connection of its own, so a slow one cannot hold up anything else.
 */
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { ApiError, apiErrorFromStatus, serviceUnavailableError } from "#api/api-error.ts";
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

export interface ApiConnection extends Disposable {
  /** A successful answer, its body still to be read. Rejects with ApiError. */
  open(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** A successful answer's body. */
  send(request: ApiRequest, signal: AbortSignal): Promise<JsonValue>;
}

/** A server that is gone without a word is noticed after that. */
const KEEP_ALIVE_MS = 15_000;

export function connectToApi(cluster: Cluster, userAgent: string): ApiConnection {
  const url = new URL(cluster.server);
  const { ca, certificate, key, tlsServerName } = cluster;
  const agent = new Agent({
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_MS,
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
  });
  const prefix = url.pathname.replace(/\/$/, "");

  async function open({ method, path, body, contentType }: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const token = await cluster.token?.();
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
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
        ...(payload && { "content-type": contentType ?? "application/json", "content-length": payload.length }),
      },
    });
    sent.once("response", resolve);
    sent.once("error", reject);
    sent.end(payload);
    const response = await promise.catch((cause: unknown) => {
      throw unreachable(cluster.server, cause, signal);
    });
    if ((response.statusCode ?? 0) < 300) return response;
    throw await readError(response, signal, cluster.server);
  }

  return {
    open,
    async send(toSend, signal) {
      const response = await open(toSend, signal);
      try {
        return parseBody(await text(response));
      } catch (cause) {
        throw unreachable(cluster.server, cause, signal);
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The caller's own reason, when it was the caller who gave up. */
export function unreachable(server: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const why = cause instanceof Error ? cause.message : String(cause);
  return serviceUnavailableError(`Cannot reach API server ${server}: ${why}`, cause);
}

async function readError(response: IncomingMessage, signal: AbortSignal, server: string): Promise<unknown> {
  const code = response.statusCode ?? 0;
  let body: string;
  try {
    body = await text(response);
  } catch (cause) {
    return unreachable(server, cause, signal);
  }
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
  const value: unknown = JSON.parse(body);
  // What JSON.parse returns is JSON.
  return value as JsonValue;
}
