// biome-ignore-all lint/style/noRestrictedImports: a way into the plugins is what calls them, which is above them
/**
 * The ways into a plugin: in this process, through the native launcher with and without an agent, and the reference's
 * executables. All take what a runtime gives, environment and standard input, and give what a runtime sees.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { openLedger } from "#agent/ledger.ts";
import { createPluginRunner } from "#agent/plugin-runner.ts";
import { currentEpoch, statePaths } from "#agent/state-paths.ts";
import type { PluginOutput } from "#cni/plugin-main.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import type { InstalledPlugins } from "./installed-plugins.ts";

export const WAYS = ["in process", "agent", "no agent"] as const;
export type Way = (typeof WAYS)[number];

export interface PluginInput {
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export interface Caller extends AsyncDisposable {
  /** CNI_PATH that finds the same plugins. */
  readonly binDir: string;
  call(type: string, input: PluginInput): Promise<PluginOutput>;
}

export interface Node {
  readonly netns: Netns;
  /** PODWIRE_RUN_DIR and PODWIRE_STATE_DIR. */
  readonly folders: Readonly<Record<string, string>>;
}

export const REFERENCE_FOLDER = "/usr/lib/cni";
const READY_DEADLINE_MS = 20_000;

export async function openWay(way: Way, plugins: InstalledPlugins, node: Node): Promise<Caller> {
  switch (way) {
    case "in process":
      return inProcess(plugins, node);
    case "agent":
      return await throughAgent(plugins, node);
    case "no agent":
      return executables(plugins.binDir, node);
    default:
      return unreachable(way);
  }
}

/** The reference's plugins. They keep nothing outside of the kernel and host-local's folder. */
export function reference(node: Node): Caller {
  return executables(REFERENCE_FOLDER, node);
}

function inProcess({ binDir }: InstalledPlugins, { netns, folders }: Node): Caller {
  const epoch = currentEpoch(netns);
  const ledger = openLedger(statePaths(netns, folders).ledgerDir, epoch, "cached");
  const runner = createPluginRunner({ netns, ledger, epoch });
  return {
    binDir,
    call: (plugin, { environment, stdin }) => runner.run({ plugin, environment, stdin: Buffer.from(stdin) }),
    async [Symbol.asyncDispose]() {
      runner[Symbol.dispose]();
      ledger[Symbol.dispose]();
    },
  };
}

async function throughAgent({ binDir, agentArgv }: InstalledPlugins, node: Node): Promise<Caller> {
  const child = spawn("nsenter", [enter(node.netns), "--", ...agentArgv], {
    env: { ...process.env, ...node.folders },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  const said: string[] = [];
  const deadline = setTimeout(() => child.kill("SIGKILL"), READY_DEADLINE_MS);
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    if (line.includes("agent ready")) break;
  }
  clearTimeout(deadline);
  if (!said.at(-1)?.includes("agent ready")) throw new Error(`The agent ended before it was ready: ${said.join("\n")}`);
  child.stderr.resume();
  return {
    ...executables(binDir, node),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const [code, signal] = await ended;
      if (code !== 0) throw new Error(`The agent ended with ${signal ?? `exit status ${code}`}`);
    },
  };
}

function executables(binDir: string, { netns, folders }: Node): Caller {
  return {
    binDir,
    async call(type, { environment, stdin }) {
      const child = spawn("nsenter", [enter(netns), "--", join(binDir, type)], {
        env: { PATH: process.env["PATH"], ...folders, ...environment },
      });
      child.stdin.on("error", () => undefined); // a plugin may end without reading its input
      child.stdin.end(stdin);
      const closed = once(child, "close");
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      const [exitCode] = await closed;
      return { stdout, stderr, exitCode: typeof exitCode === "number" ? exitCode : -1 };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function enter({ fd }: Pick<Netns, "fd">): string {
  return `--net=/proc/${process.pid}/fd/${fd}`;
}

function unreachable(way: never): never {
  throw new Error(`Cannot call plugins: unknown way ${JSON.stringify(way)}`);
}
