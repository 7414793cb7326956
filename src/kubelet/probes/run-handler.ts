/**
 * One check of a container: a command in it, an HTTP request, a TCP connection or a gRPC health check to it. Also what
 * lifecycle hooks do.
 * Runs in the node's network namespace, as the kubelet itself. Source: Kubernetes API reference, Probe, LifecycleHandler.
 */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Container } from "#api/kinds/pod/container.ts";
import type { LifecycleHandler, Probe } from "#api/kinds/pod/probe.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import { hostPort, networkErrorText } from "./network-error.ts";
import { runGrpc } from "./run-grpc.ts";

export interface HandlerTarget {
  readonly container: Container;
  readonly containerId: string;
  /** Of the pod, or of the node for pods in its network namespace. */
  readonly ip: string;
}

export interface HandlerResult {
  readonly isSuccess: boolean;
  /** For the event. */
  readonly output: string;
}

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;

const MAX_BODY_BYTES = 10_240;

export async function runHandler(
  cri: Pick<CriClient, "execSync">,
  handler: Handler,
  target: HandlerTarget,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<HandlerResult> {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const { container, ip } = target;
  const port = portOf(httpGet?.port ?? tcpSocket?.port ?? 0, container);
  if (exec !== undefined) return await runExec(cri, exec.command ?? [], target, timeoutMs, signal);
  if (httpGet !== undefined) return await runHttp({ ...httpGet, port, host: httpGet.host || ip }, timeoutMs, signal);
  if (tcpSocket !== undefined) return await runTcp(tcpSocket.host || ip, port, timeoutMs, signal);
  if (sleep !== undefined) return await pause(Math.min(timeoutMs, sleep.seconds * 1000), signal);
  if (grpc !== undefined) {
    return await runGrpc({ host: ip, port: grpc.port, service: grpc.service ?? "", timeoutMs }, signal);
  }
  return { isSuccess: false, output: "missing probe handler" };
}

async function runExec(
  cri: Pick<CriClient, "execSync">,
  cmd: readonly string[],
  { containerId }: HandlerTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HandlerResult> {
  const timeout = BigInt(Math.max(1, Math.ceil(timeoutMs / 1000)));
  try {
    const { exitCode, stdout, stderr } = await cri.execSync({ containerId, cmd, timeout }, signal);
    const output = Buffer.concat([stdout, stderr]).toString("utf8");
    return { isSuccess: exitCode === 0, output };
  } catch (error) {
    if (signal.aborted || !(error instanceof CriError)) throw error;
    const isLate = error.code === "DEADLINE_EXCEEDED";
    const late = `command timed out: ${JSON.stringify(cmd.join(" "))} timed out after ${timeout}s`;
    return { isSuccess: false, output: isLate ? late : error.details };
  }
}

interface HttpCheck extends NonNullable<Probe["httpGet"]> {
  readonly port: number;
  readonly host: string;
}

/** Redirects count as success and are not followed. */
function runHttp(
  { scheme, host, port, path = "/", httpHeaders = [] }: HttpCheck,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HandlerResult> {
  const address = hostPort(host, port);
  const wanted = path.startsWith("/") ? path : `/${path}`;
  const url = `${(scheme ?? "HTTP").toLowerCase()}://${address}${wanted}`;
  const headers: Record<string, string> = { "user-agent": "kube-probe/1.32", accept: "*/*" };
  for (const { name, value = "" } of httpHeaders) headers[name.toLowerCase()] = value;
  const { promise, resolve } = Promise.withResolvers<HandlerResult>();
  const failed = (why: string): void => resolve({ isSuccess: false, output: `Get "${url}": ${why}` });
  const options = { host, port, path: wanted, headers, agent: false, signal, timeout: timeoutMs } as const;
  const sent = scheme === "HTTPS" ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
  const timer = setTimeout(() => {
    failed("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
    sent.destroy();
  }, timeoutMs);
  sent.on("error", (error) => failed(networkErrorText(error, address)));
  sent.on("response", (response) => {
    const { statusCode: code = 0 } = response;
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      if (body.length < MAX_BODY_BYTES) body += text;
    });
    response.on("error", (error) => failed(networkErrorText(error, address)));
    response.on("end", () => {
      if (code >= 200 && code < 400) resolve({ isSuccess: true, output: body });
      else resolve({ isSuccess: false, output: `HTTP probe failed with statuscode: ${code}` });
    });
  });
  sent.end();
  return promise.finally(() => clearTimeout(timer));
}

function runTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<HandlerResult> {
  const { promise, resolve } = Promise.withResolvers<HandlerResult>();
  const socket = connect({ host, port, signal });
  const address = hostPort(host, port);
  const failed = (output: string): void => resolve({ isSuccess: false, output });
  socket.setTimeout(timeoutMs, () => failed(`dial tcp ${address}: i/o timeout`));
  socket.on("error", (error) => failed(networkErrorText(error, address)));
  socket.on("connect", () => resolve({ isSuccess: true, output: "" }));
  return promise.finally(() => socket.destroy());
}

function pause(ms: number, signal: AbortSignal): Promise<HandlerResult> {
  const { promise, resolve } = Promise.withResolvers<HandlerResult>();
  const timer = setTimeout(() => resolve({ isSuccess: true, output: "" }), ms);
  signal.addEventListener("abort", () => resolve({ isSuccess: false, output: "interrupted" }), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

/** By number, or by the name that the container gives it. */
export function portOf(port: number | string, { ports = [] }: Pick<Container, "ports">): number {
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return named ?? (Number(port) || 0);
}
