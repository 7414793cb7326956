/**
 * exec, attach and port-forward for whatever protocol the client offers:
 *
 *   SPDY/3.1, WebSocket v1 to v4   → joined with the runtime's connection
 *   WebSocket v5.channel.k8s.io    → channels become SPDY streams
 *   WebSocket with SPDY inside     → unwrapped
 */
import type { CriClient } from "#cri/cri-client.ts";
import { findContainers, findSandbox } from "../container-lookup.ts";
import { Refusal } from "../refusal.ts";
import { askSpdy } from "./ask-runtime.ts";
import { acceptWebSocket, type ClientUpgrade, offeredSubprotocols } from "./client-upgrade.ts";
import { passStream } from "./pass-stream.ts";
import { CHANNELS_V5, type ChannelFlags, STREAMS_V4, serveChannels } from "./serve-channels.ts";
import { PORTS, serveTunnel, TUNNELED_PORTS } from "./serve-tunnel.ts";

export type StreamCri = Pick<
  CriClient,
  "exec" | "attach" | "portForward" | "listContainers" | "containerStatus" | "listPodSandbox"
>;

export const STREAMS: readonly string[] = ["exec", "attach", "portForward"];

/** Rejects with Refusal before the client was answered. */
export async function serveStream(cri: StreamCri, upgrade: ClientUpgrade, signal: AbortSignal): Promise<void> {
  const { pathname, searchParams: query } = new URL(upgrade.request.url ?? "/", "https://kubelet");
  const [place, namespace = "", pod = "", container = ""] = pathname.slice(1).split("/").map(decodeURIComponent);
  const offered = offeredSubprotocols(upgrade.request);
  if (place === "portForward") {
    const url = await portForwardUrl(cri, { namespace, pod, query }, signal);
    if (!offered.includes(TUNNELED_PORTS)) return await passStream(url, upgrade, signal);
    const runtime = await askSpdy(url, PORTS, signal);
    return await serveTunnel(await acceptWebSocket(upgrade, TUNNELED_PORTS), runtime);
  }
  if (place !== "exec" && place !== "attach") throw new Refusal(404, "404 page not found");
  const flags = flagsOf(query);
  const containerId = await runningContainer(cri, { namespace, pod, container }, signal);
  const { url } =
    place === "attach"
      ? await cri.attach({ containerId, ...flags }, signal)
      : await cri.exec({ containerId, ...flags, cmd: query.getAll("command") }, signal);
  if (!offered.includes(CHANNELS_V5)) return await passStream(url, upgrade, signal);
  const runtime = await askSpdy(url, STREAMS_V4, signal);
  await serveChannels(await acceptWebSocket(upgrade, CHANNELS_V5), runtime, flags);
}

/** With a terminal there is one output. */
function flagsOf(query: URLSearchParams): ChannelFlags {
  const flag = (name: string): boolean => ["1", "true"].includes(query.get(name) ?? "");
  const tty = flag("tty");
  const flags = { stdin: flag("input"), stdout: flag("output"), stderr: flag("error") && !tty, tty };
  if (flags.stdin || flags.stdout || flags.stderr) return flags;
  throw new Refusal(400, "you must specify at least 1 of stdin, stdout, stderr");
}

async function runningContainer(
  cri: StreamCri,
  place: { readonly namespace: string; readonly pod: string; readonly container: string },
  signal: AbortSignal,
): Promise<string> {
  const found = (await findContainers(cri, place, signal)).find(({ isRunning }) => isRunning);
  if (found === undefined) throw new Refusal(404, `container not found ("${place.container}")`);
  return found.id;
}

async function portForwardUrl(
  cri: StreamCri,
  { namespace, pod, query }: { readonly namespace: string; readonly pod: string; readonly query: URLSearchParams },
  signal: AbortSignal,
): Promise<string> {
  const podSandboxId = await findSandbox(cri, { namespace, pod }, signal);
  if (podSandboxId === undefined) throw new Refusal(404, `pod not found ("${pod}_${namespace}")`);
  const port = (query.get("port") ?? "").split(",").filter(Boolean).map(Number);
  const target = new URL((await cri.portForward({ podSandboxId, port }, signal)).url);
  // WebSocket clients of the runtime name their ports in the query.
  for (const each of port) target.searchParams.append("port", String(each));
  return target.href;
}
