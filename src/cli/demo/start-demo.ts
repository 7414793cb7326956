/**
 * Builds the demo: a node whose containerd uses our plugins, our agent in it, an outside, and two pods. Everything is
 * namespaces of this machine and ends with the demo; plugins and images stay in build/ for the next time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildImages } from "#cluster/images.ts";
import { type NodeAgent, startNodeAgent } from "#cluster/node-agent.ts";
import { type NodeSandbox, startNode } from "#cluster/node-sandbox.ts";
import { type Outside, startOutside } from "#cluster/outside.ts";
import { startPodService } from "#cluster/peer-service.ts";
import { type Pod, runPod } from "#cluster/pod.ts";
import { runProgram } from "#cluster/program.ts";
import { CliError } from "../cli-error.ts";
import { CONFLIST_NAME, formatConflist } from "../install/conflist.ts";
import { projectRoot } from "../installation.ts";
import type { Phases } from "../output/phases.ts";

export interface DemoOptions {
  readonly withAgent: boolean;
  /** Of the demo alone: the node's state, its network configuration, logs. */
  readonly folder: string;
}

export interface Demo extends AsyncDisposable {
  readonly node: NodeSandbox;
  readonly agent: NodeAgent | undefined;
  readonly outside: Outside;
  readonly web: Pod;
  readonly client: Pod;
}

export const DEMO_NODE = "demo";
export const WEB_HOST_PORT = 8080;
const SUBNET = "10.244.0.0/24";
/** Kept, so that the next demo finds what has not changed, and Node's compile cache warm. */
const BIN_DIR = join(projectRoot, "build/demo/bin");
const IMAGE_DIR = join(projectRoot, "build/images");

export async function startDemo(
  { withAgent, folder }: DemoOptions,
  phases: Phases,
  signal: AbortSignal,
): Promise<Demo> {
  await using cleanup = new AsyncDisposableStack();
  await phases.run("our plugins installed into the node's /opt/cni/bin", () => installPlugins(signal));
  const confDir = join(folder, "conf");
  mkdirSync(confDir, { recursive: true });
  writeFileSync(join(confDir, CONFLIST_NAME), formatConflist(SUBNET));

  const node = await phases.run("node up: namespaces, containerd, images", async () => {
    const { pause, busybox } = await buildImages(IMAGE_DIR, signal);
    const options = { name: DEMO_NODE, stateDir: folder, binDir: BIN_DIR, confDir, images: [pause, busybox] };
    return cleanup.use(await startNode(options, signal));
  });
  const outside = await phases.run("outside connected by a link to the node", async () =>
    cleanup.use(await startOutside(node, signal)),
  );
  const agent = withAgent
    ? await phases.run("agent ready in the node", () => startNodeAgent({ node, logPath: agentLog(folder) }, signal))
    : undefined;

  const [web, client] = await phases.run("two pods run", () =>
    Promise.all([
      runPod({ node, name: "web", portMappings: [{ hostPort: WEB_HOST_PORT, containerPort: 80 }] }, signal),
      runPod({ node, name: "client" }, signal),
    ]),
  );
  await startPodService(web, signal);
  const owned = cleanup.move();
  return { node, agent, outside, web, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function agentLog(folder: string): string {
  return join(folder, "agent.log");
}

/** As a user does it: with `podwire install`. */
async function installPlugins(signal: AbortSignal): Promise<void> {
  const argv = [process.execPath, join(import.meta.dirname, "../entry.ts"), "install", "--bin-dir", BIN_DIR, "--quiet"];
  const { code, stderr } = await runProgram(argv, signal);
  if (code === 0) return;
  throw new CliError("failed", { what: "Cannot install our plugins", why: "podwire install failed", evidence: stderr });
}
