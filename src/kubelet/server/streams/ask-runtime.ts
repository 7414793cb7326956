/** Opens one of the runtime's streams: its URL, taken from CRI, answers by switching to another protocol. */
import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal } from "../refusal.ts";

export interface RuntimeStream {
  /** 101, with the protocol that was chosen. */
  readonly response: IncomingMessage;
  readonly socket: Duplex;
  /** What came with the answer. */
  readonly first: Buffer;
}

export interface RuntimeRequest {
  readonly url: string;
  readonly method: string;
  /** The protocol and its versions. */
  readonly headers: OutgoingHttpHeaders;
}

/** Rejects with Refusal: the runtime's own words, so that clients can try another protocol. */
export function askRuntime({ url, method, headers }: RuntimeRequest, signal: AbortSignal): Promise<RuntimeStream> {
  const { promise, resolve, reject } = Promise.withResolvers<RuntimeStream>();
  const outgoing = request(url, {
    method,
    headers: { ...headers, connection: "Upgrade", ...(method === "POST" && { "content-length": "0" }) },
    agent: false,
    signal,
  });
  outgoing.on("error", (error) => reject(new Refusal(502, `cannot reach the container runtime: ${error.message}`)));
  outgoing.on("response", (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("close", () => reject(new Refusal(response.statusCode ?? 502, text.trim())));
  });
  outgoing.on("upgrade", (response, socket, first) => {
    socket.on("error", () => undefined); // "close" follows
    resolve({ response, socket, first });
  });
  outgoing.end();
  return promise;
}

/** exec and attach have four streams and a status; ports are asked for one by one. */
export function askSpdy(url: string, version: string, signal: AbortSignal): Promise<RuntimeStream> {
  return askRuntime(
    { url, method: "POST", headers: { upgrade: "SPDY/3.1", "x-stream-protocol-version": version } },
    signal,
  );
}
