/**
 * containerd as a process of a node: started, and awaited until CRI answers.
 * It is no child of the node's process 1, so that its end is seen here and it can be restarted alone.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { askUntil } from "#cri/ask-until.ts";
import type { CriClient } from "#cri/cri-client.ts";
import { CriError } from "#cri/cri-error.ts";
import { NODE_FILES_DIR } from "./node-root.ts";
import { exitStatus } from "./program.ts";
import { waitForSocket } from "./wait-for-socket.ts";

export interface Containerd {
  /** Gives the reason when containerd has ended, for whatever cause. */
  readonly exited: Promise<string>;
}

export interface ContainerdOptions {
  /** Makes the arguments that run a program in the node, in its control groups. */
  readonly inNode: (argv: readonly string[]) => readonly string[];
  readonly logPath: string;
  /** For containerd and, through it, for CNI plugins; nothing else is handed on. */
  readonly environment: Readonly<Record<string, string>>;
}

const LOG_LINES_SHOWN = 5;

export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const [program = "", ...args] = options.inNode(["containerd", "--config", `${NODE_FILES_DIR}/containerd.toml`]);
  await using log = await open(options.logPath, "a");
  const stdio = ["ignore", log.fd, log.fd] as const;
  const child = spawn(program, args, { stdio: [...stdio], env: options.environment, detached: true });
  const exited = exitStatus(child).then(
    async (code) => `containerd ended with status ${code}: ${await lastProblems(options.logPath)}`,
    (error) => `containerd could not be started: ${error}`,
  );
  return { exited };
}

/**
 * Resolves when the socket is there and CRI serves calls; what runs from before a restart is known by then.
 * The signal must abort when containerd ends: that is the reason to be told, not the connection that broke.
 */
export async function waitForCri(socketPath: string, cri: CriClient, signal: AbortSignal): Promise<void> {
  await waitForSocket(socketPath, signal);
  await askUntil(
    {
      what: "containerd's CRI service",
      ask: (signal) => cri.status({}, signal).catch((error) => notInitialized(error, signal)),
      missing: (answer) => {
        if (answer instanceof CriError) return answer.details;
        const runtime = answer.status?.conditions.find(({ type }) => type === "RuntimeReady");
        return runtime?.status === true ? undefined : (runtime?.message ?? "it reports no RuntimeReady condition");
      },
    },
    signal,
  );
}

/** Rejects when the CNI configuration cannot be used. containerd reads what is there before it serves. */
export async function requireNetworkReady(cri: CriClient, signal: AbortSignal): Promise<void> {
  const { status, info } = await cri.status({ verbose: true }, signal);
  const network = status?.conditions.find(({ type }) => type === "NetworkReady");
  if (network?.status === true) return;
  const reason = info["lastCNILoadStatus"] ?? network?.message ?? "it reports no NetworkReady condition";
  throw new Error(`Cannot use the CNI configuration: containerd says ${reason}`);
}

async function notInitialized(error: unknown, signal: AbortSignal): Promise<CriError> {
  if (!(error instanceof CriError)) throw error;
  if (error.details.includes("server is not initialized yet")) return error;
  if (error.code === "UNAVAILABLE" && !signal.aborted) await once(signal, "abort");
  throw error;
}

/** For an error message, so it never fails itself. */
async function lastProblems(logPath: string): Promise<string> {
  try {
    const lines = (await readFile(logPath, "utf8")).trim().split("\n");
    const problems = lines.filter((line) => !/ level=(info|debug) /.test(line));
    return (problems.length > 0 ? problems : lines).slice(-LOG_LINES_SHOWN).join("\n");
  } catch (error) {
    return `its log cannot be read: ${error}`;
  }
}
