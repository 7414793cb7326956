/**
 * etcd's API v3 by its JSON gateway, which every etcd since 3.4 serves beside gRPC: calls and watches, over plain HTTP or
 * TLS, to whichever endpoint answers. Source: etcd documentation, "gRPC gateway"; keys and values are base64 there.
 */

import type { IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { isJsonObject, type JsonObject } from "#base/json.ts";

export interface EtcdTls {
  /** PEM. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export interface EtcdGatewayOptions {
  /** `http://10.0.0.1:2379` */
  readonly endpoints: readonly URL[];
  readonly tls?: EtcdTls | undefined;
  readonly timeoutMs?: number;
}

export interface EtcdGateway {
  /** `path` as `kv/range`. Rejects with EtcdError, for the last endpoint when none answers. */
  call(path: string, body: JsonObject, signal: AbortSignal): Promise<JsonObject>;
  /** The results of a stream, until it ends. Rejects with EtcdError. */
  stream(path: string, body: JsonObject, signal: AbortSignal): AsyncIterable<JsonObject>;
}

export class EtcdError extends Error {
  override readonly name = "EtcdError";

  constructor(endpoint: URL, path: string, reason: string, options?: ErrorOptions) {
    super(`Cannot ask etcd at ${endpoint.host} for ${path}: ${reason}`, options);
  }
}

const TIMEOUT_MS = 10_000;
/** Until the first probe of a silent connection; libuv gives up after ten more seconds. */
const KEEP_ALIVE_MS = 10_000;

export function createEtcdGateway({ endpoints, tls, timeoutMs = TIMEOUT_MS }: EtcdGatewayOptions): EtcdGateway {
  let preferred = 0;

  async function post(path: string, body: JsonObject, signal: AbortSignal): Promise<IncomingMessage> {
    let failure: unknown = new RangeError("Cannot ask etcd: there are no endpoints");
    for (const _ of endpoints) {
      const endpoint = endpoints[preferred % endpoints.length];
      if (endpoint === undefined) break;
      try {
        const response = await postTo(endpoint, path, body, { tls, signal, timeoutMs });
        if (response.statusCode === 200) return response;
        throw new EtcdError(endpoint, path, await reasonOf(response));
      } catch (error) {
        signal.throwIfAborted();
        failure = error instanceof EtcdError ? error : new EtcdError(endpoint, path, String(error), { cause: error });
        preferred++;
      }
    }
    throw failure;
  }

  return {
    async call(path, body, signal) {
      // Each endpoint has its time until it answers; the last one some more to come to an end.
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs * (endpoints.length + 1))]);
      const response = await post(path, body, deadline);
      return parseObject((await buffer(response)).toString());
    },
    async *stream(path, body, signal) {
      const response = await post(path, body, signal);
      for await (const line of createInterface({ input: response })) {
        if (line === "") continue;
        const message = parseObject(line);
        const { result, error } = message;
        if (isJsonObject(error)) throw new Error(`Cannot follow etcd: ${String(error["message"])}`);
        if (isJsonObject(result)) yield result;
      }
    },
  };
}

interface PostOptions {
  readonly tls: EtcdTls | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Resolves with the head of the answer. */
async function postTo(endpoint: URL, path: string, body: JsonObject, options: PostOptions): Promise<IncomingMessage> {
  const { tls, signal, timeoutMs } = options;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const url = new URL(`/v3/${path}`, endpoint);
  const request = endpoint.protocol === "https:" ? requestHttps : requestHttp;
  const outgoing = request(url, {
    method: "POST",
    signal,
    headers: { "content-type": "application/json" },
    ...(tls && { ca: tls.ca, cert: tls.certificate, key: tls.key }),
  });
  const deadline = setTimeout(() => outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  // A watch says nothing for hours: only the connection itself tells that nobody is there any more.
  outgoing.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
  outgoing.on("response", resolve).on("error", reject);
  outgoing.end(JSON.stringify(body));
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
  }
}

async function reasonOf(response: IncomingMessage): Promise<string> {
  const text = (await buffer(response)).toString();
  try {
    const { message, error } = parseObject(text);
    return `${response.statusCode}: ${String(message ?? error ?? text)}`;
  } catch {
    return `${response.statusCode}: ${text}`; // no JSON: another server answers there
  }
}

function parseObject(text: string): JsonObject {
  const json: unknown = JSON.parse(text);
  if (isJsonObject(json)) return json;
  throw new TypeError(`etcd answers ${text.slice(0, 80)}, which is no JSON object`);
}
