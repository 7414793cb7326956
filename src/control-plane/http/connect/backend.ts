/**
 * Another server that a request is handed on to: a kubelet, or what listens in a pod. Answers come back as a stream, or
 * as an upgraded connection (WebSocket, SPDY).
 */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex, Readable } from "node:stream";
import { ApiError, internalError, type StatusReason } from "#api/api-error.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** PEM; undefined for plain HTTP. */
  readonly tls:
    | { readonly ca: string; readonly certificate: string; readonly key: string }
    /** Servers in pods have certificates of their own. */
    | "unverified"
    | undefined;
}

export interface BackendRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** undefined: no body. */
  readonly body?: Readable;
}

export type BackendAnswer =
  | { readonly type: "response"; readonly response: IncomingMessage }
  | { readonly type: "upgrade"; readonly response: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

/** What a backend gets until its answer begins. */
const ANSWER_DEADLINE_MS = 30_000;
const MAX_ERROR_BYTES = 10 * 1024;

/** Rejects with ApiError 500 when the backend cannot be reached or does not answer. */
export function askBackend(backend: Backend, request: BackendRequest, signal: AbortSignal): Promise<BackendAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<BackendAnswer>();
  const { method, path, headers, body } = request;
  const { host, port, tls } = backend;
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new Error(`no answer within ${ANSWER_DEADLINE_MS} ms`)),
    ANSWER_DEADLINE_MS,
  );
  const options = {
    host,
    port,
    method,
    path,
    headers,
    agent: false,
    signal: AbortSignal.any([signal, deadline.signal]),
  } as const;
  const outgoing =
    tls === undefined
      ? httpRequest(options)
      : httpsRequest({
          ...options,
          ...(tls === "unverified"
            ? { rejectUnauthorized: false }
            : { ca: tls.ca, cert: tls.certificate, key: tls.key }),
        });
  outgoing.on("response", (response) => {
    clearTimeout(timer);
    resolve({ type: "response", response });
  });
  outgoing.on("upgrade", (response, socket, head) => {
    clearTimeout(timer);
    resolve({ type: "upgrade", response, socket, head });
  });
  outgoing.on("error", (error) => {
    clearTimeout(timer);
    const cause = deadline.signal.aborted ? (deadline.signal.reason as Error) : error;
    reject(internalError(`error dialing backend: ${cause.message}`, cause));
  });
  if (body === undefined) outgoing.end();
  else body.pipe(outgoing);
  return promise;
}

const REASONS: Readonly<Record<number, StatusReason>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  503: "ServiceUnavailable",
};

/** What a backend's refusal means to the client: its text, with its code. */
export async function backendError(response: IncomingMessage): Promise<ApiError> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    // Streams of bytes give Buffers.
    const bytes = chunk as Buffer;
    chunks.push(bytes);
    length += bytes.length;
    if (length >= MAX_ERROR_BYTES) break;
  }
  const text = Buffer.concat(chunks).toString("utf8", 0, MAX_ERROR_BYTES).trim();
  const code = response.statusCode ?? 500;
  const reason = REASONS[code];
  if (reason !== undefined) return new ApiError({ code, reason, message: text });
  return new ApiError({
    code: code >= 400 ? code : 502,
    reason: "InternalError",
    message: `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding`,
  });
}
