/**
 * `…/proxy`: HTTP to a pod, to one of a service's pods, or to a node's kubelet.
 * Source: Kubernetes documentation, "Access Services Running on Clusters" (manually constructing proxy URLs).
 */
import type { OutgoingHttpHeaders } from "node:http";
import { pipeline } from "node:stream/promises";
import { badRequestError, serviceUnavailableError } from "#api/api-error.ts";
import type { Endpoints } from "#api/kinds/endpoints.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import type { Service } from "#api/kinds/service/service.ts";
import { type ApiRequest, headerOf, sendHead } from "../api-message.ts";
import { askBackend, type Backend } from "./backend.ts";
import { type ConnectCall, passUpgrade, upgradeHeaders } from "./serve-connect.ts";

/** "[scheme:]name[:port]", as it stands in the path. */
export interface ProxyName {
  readonly scheme: "http" | "https";
  readonly name: string;
  /** Number or name; "" when not given. */
  readonly port: string;
}

export function parseProxyName(text: string): ProxyName {
  const parts = text.split(":");
  if (parts.length === 1) return { scheme: "http", name: text, port: "" };
  const [scheme = "", name = "", port = ""] = parts.length === 2 ? ["http", ...parts] : parts;
  if (parts.length > 3 || (scheme !== "" && scheme !== "http" && scheme !== "https") || name === "") {
    throw badRequestError(`invalid proxy request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === "https" ? "https" : "http", name, port };
}

export function podBackend({ metadata, spec, status }: Pod, { scheme, port }: ProxyName): Backend {
  const host = status?.podIP ?? "";
  if (host === "") throw badRequestError(`pod ${metadata.name} does not have an address assigned`);
  const first = spec?.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  const number = port === "" ? (first ?? defaultPort(scheme)) : Number(port);
  return { host, port: checkPort(number, port), tls: tlsOf(scheme) };
}

/** One of the service's ready addresses. */
export function serviceBackend(
  service: Service,
  endpoints: Endpoints,
  { scheme, port }: ProxyName,
  random: () => number,
): Backend {
  const { ports = [] } = service.spec ?? {};
  const isOnly = port === "" && ports.length === 1;
  const servicePort = ports.find((candidate) => isOnly || candidate.name === port || String(candidate.port) === port);
  const candidates = (endpoints.subsets ?? []).flatMap(({ addresses = [], ports: open = [] }) => {
    const match = open.find(({ name = "" }) => name === (servicePort?.name ?? port));
    return match === undefined ? [] : addresses.map(({ ip }) => ({ host: ip, port: match.port, tls: tlsOf(scheme) }));
  });
  const chosen = candidates[Math.floor(random() * candidates.length)];
  if (chosen === undefined) {
    throw serviceUnavailableError(`no endpoints available for service ${JSON.stringify(service.metadata.name)}`);
  }
  return chosen;
}

export async function serveProxy(call: ConnectCall, backend: Backend): Promise<void> {
  const { request, response, rest, query, upgrade, signal } = call;
  const search = query.toString();
  const method = request.method ?? "GET";
  const path = `${rest === "" ? "/" : rest}${search === "" ? "" : `?${search}`}`;
  if (upgrade !== undefined) {
    await passUpgrade(backend, { method, path, headers: upgradeHeaders(request) }, call, upgrade);
    return;
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  const headers = forwardedHeaders(request);
  const answer = await askBackend(backend, { method, path, headers, ...(hasBody && { body: request }) }, signal);
  for (const [name, value] of Object.entries(answer.response.headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) response.setHeader(name, value);
  }
  sendHead(response, answer.response.statusCode ?? 502);
  await pipeline(answer.response, response);
}

/** Meant for one connection only (RFC 9110 section 7.6.1), and what must not leave: credentials. */
const HOP_BY_HOP = new Set([
  "authorization",
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function forwardedHeaders(request: ApiRequest): OutgoingHttpHeaders {
  const names = Object.keys(request.headers).filter(
    (name) => !HOP_BY_HOP.has(name) && !name.startsWith(":") && !name.startsWith("impersonate-") && name !== "host",
  );
  const client = request.socket.remoteAddress;
  return {
    ...Object.fromEntries(names.map((name) => [name, headerOf(request, name)])),
    ...(client !== undefined && { "x-forwarded-for": client }),
  };
}

function tlsOf(scheme: ProxyName["scheme"]): Backend["tls"] {
  return scheme === "https" ? "unverified" : undefined;
}

function defaultPort(scheme: ProxyName["scheme"]): number {
  return scheme === "https" ? 443 : 80;
}

function checkPort(number: number, text: string): number {
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw badRequestError(`invalid port ${JSON.stringify(text)}`);
}
