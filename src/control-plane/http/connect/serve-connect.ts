/**
 * Subresources that lead out of the API server: logs, exec, attach and port-forward to the pod's kubelet, proxies to
 * whatever listens. Refusals before the connection stands are Status objects; afterwards bytes go both ways as they are.
 * Source: Kubernetes documentation, "Communication between Nodes and the Control Plane".
 */
import type { OutgoingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { badRequestError } from "#api/api-error.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { joinConnections } from "#base/join-connections.ts";
import type { Target } from "../../resources/resource-api.ts";
import { type ApiRequest, type ApiResponse, headerOf, sendHead } from "../api-message.ts";
import { askBackend, type Backend, backendError } from "./backend.ts";
import type { KubeletLocator } from "./kubelet-locator.ts";
import { kubeletPath, nodeNameOf, type PodStream } from "./kubelet-path.ts";

export interface ConnectDeps {
  readonly kubelets: KubeletLocator;
  /** How the API server shows itself to kubelets, and whom it believes. */
  readonly kubeletTls: Exclude<Backend["tls"], string | undefined>;
}

/** The client's connection, when it asked for another protocol. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What came behind the request already. */
  readonly head: Buffer;
  /** Takes the connection out of HTTP's hands; call it once, before writing to the socket. */
  detach(): void;
}

export interface ConnectCall {
  readonly request: ApiRequest;
  readonly response: ApiResponse;
  readonly target: Target;
  readonly query: URLSearchParams;
  /** What follows the subresource in the path, for proxies. */
  readonly rest: string;
  readonly upgrade: Upgrade | undefined;
  readonly signal: AbortSignal;
}

export async function servePodLog({ kubelets, kubeletTls }: ConnectDeps, call: ConnectCall, pod: Pod): Promise<void> {
  const { response, query, signal } = call;
  const path = kubeletPath(pod, "log", query);
  // A pod that is nowhere yet has said nothing.
  if ((pod.spec?.nodeName ?? "") === "") {
    startText(response);
    response.end();
    return;
  }
  const address = await kubelets.locate(nodeNameOf(pod), signal);
  const answer = await askBackend({ ...address, tls: kubeletTls }, { method: "GET", path, headers: {} }, signal);
  if (answer.type === "upgrade" || answer.response.statusCode !== 200) throw await backendError(answer.response);
  startText(response);
  await pipeline(answer.response, response);
}

function startText(response: ApiResponse): void {
  response.setHeader("content-type", "text/plain");
  response.setHeader("cache-control", "no-cache, private");
  sendHead(response, 200);
}

/** exec, attach, port-forward. Resolves when the connection is over. */
export async function servePodStream(
  { kubelets, kubeletTls }: ConnectDeps,
  call: ConnectCall & { readonly stream: Exclude<PodStream, "log"> },
  pod: Pod,
): Promise<void> {
  const { request, query, signal, upgrade, stream } = call;
  const nodeName = nodeNameOf(pod);
  const path = kubeletPath(pod, stream, query);
  if (upgrade === undefined) throw badRequestError("Upgrade request required");
  const address = await kubelets.locate(nodeName, signal);
  const backend = { ...address, tls: kubeletTls };
  await passUpgrade(
    backend,
    { method: request.method ?? "GET", path, headers: upgradeHeaders(request) },
    call,
    upgrade,
  );
}

/** Asks for the same protocol and joins both connections; a refusal becomes an ApiError. */
export async function passUpgrade(
  backend: Backend,
  request: { readonly method: string; readonly path: string; readonly headers: OutgoingHttpHeaders },
  { signal }: Pick<ConnectCall, "signal">,
  { socket, head, detach }: Upgrade,
): Promise<void> {
  const answer = await askBackend(backend, request, signal);
  if (answer.type === "response") throw await backendError(answer.response);
  const over = Promise.withResolvers<void>();
  detach();
  socket.on("close", over.resolve);
  socket.write(switchingHead(answer.response.rawHeaders));
  if (answer.head.length > 0) socket.write(answer.head);
  if (head.length > 0) answer.socket.write(head);
  joinConnections(socket, answer.socket);
  const end = (): void => {
    for (const one of [socket, answer.socket]) one.destroy();
  };
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  await over.promise;
  signal.removeEventListener("abort", end);
}

const FORWARDED = /^(upgrade|sec-websocket-.*|x-stream-protocol-version|origin|user-agent)$/;

/** The handshake as the client sent it, without its credentials. */
export function upgradeHeaders(request: ApiRequest): OutgoingHttpHeaders {
  const names = Object.keys(request.headers).filter((name) => FORWARDED.test(name));
  const headers = Object.fromEntries(names.map((name) => [name, headerLines(request, name)]));
  return { ...headers, connection: "Upgrade", ...(request.method === "POST" && { "content-length": "0" }) };
}

/** Each line for itself: SPDY clients offer their versions in several. */
function headerLines(request: ApiRequest, name: string): string | string[] {
  const { rawHeaders } = request;
  const lines = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
  return lines.length > 1 && name.startsWith("x-stream") ? lines : (headerOf(request, name) ?? "");
}

function switchingHead(rawHeaders: readonly string[]): string {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []));
  return `${["HTTP/1.1 101 Switching Protocols", ...lines].join("\r\n")}\r\n\r\n`;
}
