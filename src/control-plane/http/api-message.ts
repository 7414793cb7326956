/** Requests and responses as node:http2 gives them to one handler: HTTP/1.1 and HTTP/2 look alike here. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

export type ApiRequest = IncomingMessage | Http2ServerRequest;
export type ApiResponse = ServerResponse | Http2ServerResponse;

export function isHttp2(response: ApiResponse): response is Http2ServerResponse {
  return "stream" in response;
}

/** The header's value; the first one when it came several times. */
export function headerOf(request: ApiRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : value?.[0];
}

export interface ParsedUrl {
  readonly path: string;
  readonly query: URLSearchParams;
}

const NO_QUERY = new URLSearchParams();

/** Path as it stands, still encoded. Whoever gets an empty query must not change it: all share it. */
export function parseUrl(url: string): ParsedUrl {
  const mark = url.indexOf("?");
  if (mark === -1) return { path: url, query: NO_QUERY };
  return { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}

/** Sends status and headers now, before there is a body: whoever waits for a stream learns that it stands. */
export function sendHead(response: ApiResponse, status: number): void {
  response.statusCode = status;
  // HTTP/2's types lack the method; writeHead sends there at once.
  if (isHttp2(response)) response.writeHead(status);
  else response.flushHeaders();
}
