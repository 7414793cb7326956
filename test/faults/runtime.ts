/** What a container runtime does: ADD along a chain of plugins, DEL against it, each through the native launcher. */
import { join } from "node:path";
import { callLauncher, type LauncherAnswer } from "#agent/testing/call-launcher.ts";
import { isJsonObject, type JsonObject } from "#base/json.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { namedTestNetns } from "#kernel/testing/with-netns.ts";
import { type Network, POD_PORT } from "./networks.ts";
import { NODE_ADDRESS, OUTSIDE_ADDRESS, type TestNode } from "./node.ts";
import { type Path, type Prober, startProber } from "./traffic.ts";

export interface Pod extends Disposable {
  readonly containerId: string;
  readonly netns: Netns;
  readonly hostPort: number;
  readonly prober: Prober;
}

export async function createPod(containerId: string, hostPort: number): Promise<Pod> {
  using stack = new DisposableStack();
  const netns = stack.use(namedTestNetns({ loopbackUp: true }));
  const prober = stack.use(await startProber(netns, containerId));
  const open = stack.move();
  return { containerId, netns, hostPort, prober, [Symbol.dispose]: () => open.dispose() };
}

/** To the world outside, which sees the node's address; with a host port, from there back. */
export function pathsOf(
  { outside }: TestNode,
  pod: Pod,
  { hasHostPort }: { readonly hasHostPort: boolean },
): readonly Path[] {
  const out: Path = { from: pod.prober, host: OUTSIDE_ADDRESS, says: new RegExp(`^outside sees ${NODE_ADDRESS}$`) };
  if (!hasHostPort) return [out];
  return [
    out,
    { from: outside, host: NODE_ADDRESS, port: pod.hostPort, says: new RegExp(`^${pod.containerId} sees `) },
  ];
}

export type Verb = "ADD" | "DEL" | "CHECK";

export interface CniOutcome {
  /** Of the plugin that failed; undefined when the whole chain did its work. */
  readonly error: { readonly plugin: string; readonly code: number; readonly message: string } | undefined;
  /** The last result of an ADD. */
  readonly result: JsonObject | undefined;
}

/** Stops at the first plugin that fails. */
export async function callChain(
  node: TestNode,
  network: Network,
  pod: Pod,
  verb: Verb,
  cached?: JsonObject,
): Promise<CniOutcome> {
  const plugins = verb === "DEL" ? network.plugins.toReversed() : network.plugins;
  let result = cached;
  for (const plugin of plugins) {
    const type = String(plugin["type"]);
    const stdin = JSON.stringify(configOf(network, plugin, pod, result));
    const answer = await callLauncher({
      path: join(node.binDir, type),
      netns: node.netns,
      environment: environmentOf(node, pod, verb),
      stdin,
    });
    if (answer.exitCode !== 0) return { error: { plugin: type, ...readError(answer) }, result };
    if (verb === "ADD") result = readObject(answer);
  }
  return { error: undefined, result };
}

function configOf({ name }: Network, plugin: JsonObject, pod: Pod, prevResult: JsonObject | undefined): JsonObject {
  return {
    cniVersion: "1.0.0",
    name,
    ...plugin,
    ...(isJsonObject(plugin["capabilities"]) && {
      runtimeConfig: { portMappings: [{ hostPort: pod.hostPort, containerPort: POD_PORT, protocol: "tcp" }] },
    }),
    ...(prevResult && { prevResult }),
  };
}

function environmentOf(node: TestNode, pod: Pod, verb: Verb): Readonly<Record<string, string>> {
  return {
    ...node.environment,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns.path,
    CNI_IFNAME: "eth0",
    CNI_PATH: node.binDir,
  };
}

function readObject({ stdout, stderr }: LauncherAnswer): JsonObject {
  const value: unknown = JSON.parse(stdout.toString());
  if (isJsonObject(value)) return value;
  throw new Error(`Cannot read the plugin's answer: ${stdout.toString()} ${stderr}`);
}

/** A process that was killed says nothing: code 0. */
function readError(answer: LauncherAnswer): { readonly code: number; readonly message: string } {
  if (answer.stdout.length === 0) return { code: 0, message: answer.stderr };
  const { code, msg, details } = readObject(answer);
  return { code: Number(code), message: `${msg}; ${details}` };
}

/** Addresses of the result, without prefix lengths. */
export function addressesOf(result: JsonObject | undefined): readonly string[] {
  const ips = result?.["ips"];
  if (!Array.isArray(ips)) return [];
  return ips.map((ip) => String(ip["address"]).replace(/\/.*/, ""));
}
