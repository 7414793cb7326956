/** A plain HTTP client of an API server: what is sent is exactly what a test says, what comes back is given whole. */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { createSecureContext } from "node:tls";
import type { KeyPair } from "#control-plane/pki/sign-certificate.ts";

export interface CallerOptions {
  readonly port: number;
  /** PEM. */
  readonly authority: string;
  /** undefined: no client certificate. */
  readonly pair: KeyPair | undefined;
  readonly connections?: number;
}

export interface CallOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly json: any;
}

export interface ApiCaller extends Disposable {
  call(method: string, path: string, options?: CallOptions): Promise<Reply>;
  /** Resolves with the answer's head. */
  open(method: string, path: string, options?: CallOptions): Promise<IncomingMessage>;
}

/** Keeps its connections. */
export function createApiCaller({ port, authority, pair, connections = 32 }: CallerOptions): ApiCaller {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: connections,
    // Made once: connections are many.
    secureContext: createSecureContext({
      ca: authority,
      ...(pair !== undefined && { cert: pair.certificate, key: pair.key }),
    }),
  });
  const open: ApiCaller["open"] = (method, path, { headers, body, signal } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = httpsRequest({
      agent,
      host: "127.0.0.1",
      port,
      method,
      path,
      ...(signal !== undefined && { signal }),
      // Node leaves it out for DELETE.
      headers: { ...(body !== undefined && { "content-length": Buffer.byteLength(body) }), ...headers },
    });
    request.on("response", resolve);
    request.on("error", reject);
    request.end(body);
    return promise;
  };
  return {
    open,
    call: async (method, path, options) => await readReply(await open(method, path, options)),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  // Streams of bytes give Buffers.
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
