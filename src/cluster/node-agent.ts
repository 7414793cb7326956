/**
 * Podwire's agent as a process of a node: the installed one, from the node's own /opt/cni/bin, started in the node's
 * namespaces and awaited until its socket accepts. It ends with the node at the latest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { askAgent } from "#agent/ask-agent.ts";
import { statePaths } from "#agent/state-paths.ts";
import { STATUS_REQUEST } from "#agent/status.ts";
import { signalEntered } from "./enter-node.ts";
import { CNI_BIN_DIR } from "./node-root.ts";
import { NODE_PATH, type NodeSandbox } from "./node-sandbox.ts";
import { podwireCommand } from "./podwire-command.ts";
import { exitStatus } from "./program.ts";
import { waitForSocket } from "./wait-for-socket.ts";

type AgentNode = Pick<NodeSandbox, "name" | "netnsPath" | "rootPath" | "command">;

export interface NodeAgent extends AsyncDisposable {
  /** Gives the reason when the agent has ended, for whatever cause. */
  readonly exited: Promise<string>;
  /** What `podwire agent status -o json` prints. */
  status(signal: AbortSignal): Promise<string>;
  /** Resolves when it has ended: in order by SIGTERM, at once by SIGKILL. May be called again. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export interface NodeAgentOptions {
  readonly node: AgentNode;
  /** Its log, appended to. */
  readonly logPath: string;
}

/** The installed command line, as the node sees it: arguments follow. */
export const NODE_PODWIRE = podwireCommand(`${CNI_BIN_DIR}/.podwire`);

const START_TIMEOUT_MS = 20_000;
const LOG_LINES_SHOWN = 5;

export async function startNodeAgent({ node, logPath }: NodeAgentOptions, signal: AbortSignal): Promise<NodeAgent> {
  const { socket: socketInNode } = statePaths({ inode: (await stat(node.netnsPath)).ino }, {});
  const socket = node.rootPath + socketInNode;
  // The folder is watched from before the agent makes its socket there; 0700 as the agent makes it.
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  const child = await spawnAgent(node, logPath);
  const ended = new AbortController();
  const exited = exitStatus(child).then(
    async (code) => `the agent ended with status ${code}: ${await lastLines(logPath)}`,
    (error) => `the agent could not be started: ${error}`,
  );
  void exited.then((reason) => ended.abort(new Error(reason)));
  const end = async (name: "SIGTERM" | "SIGKILL"): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) signalEntered(child, name);
    await exited;
  };
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
  try {
    await waitForSocket(socket, AbortSignal.any([signal, timeout, ended.signal]));
  } catch (cause) {
    await end("SIGKILL");
    signal.throwIfAborted();
    const why = timeout.aborted ? `after ${START_TIMEOUT_MS} ms it has no socket` : String(ended.signal.reason.message);
    throw new Error(`Cannot start the agent of node "${node.name}": ${why}`, { cause });
  }
  const request = { plugin: STATUS_REQUEST, environment: {}, stdin: Buffer.alloc(0) };
  return {
    exited,
    status: async (signal) => (await askAgent(socket, request, signal)).stdout,
    end,
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}

/** In a session of its own: Ctrl-C is for the caller, who ends it in order. */
async function spawnAgent(node: AgentNode, logPath: string): Promise<ChildProcess> {
  await using log = await open(logPath, "a");
  const [program = "", ...args] = node.command([...NODE_PODWIRE, "agent"]);
  return spawn(program, args, { stdio: ["ignore", log.fd, log.fd], env: { PATH: NODE_PATH }, detached: true });
}

/** For an error message, so it never fails itself. */
async function lastLines(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim().split("\n").slice(-LOG_LINES_SHOWN).join("\n");
  } catch (error) {
    return `its log cannot be read: ${error}`;
  }
}
