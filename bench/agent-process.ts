/** The agent that serves a contestant's plugins: started in the worker's namespaces, ended with the worker. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitForSocket } from "#cluster/wait-for-socket.ts";
import type { AgentMemory, WorkerOptions } from "./worker-protocol.ts";

export interface AgentProcess extends AsyncDisposable {
  memory(): AgentMemory;
}

export interface AgentStart extends NonNullable<WorkerOptions["agent"]> {
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Inode of the network namespace that it serves. */
  readonly netnsInode: number;
}

const READY_DEADLINE_MS = 20_000;
const END_DEADLINE_MS = 5000;

/** Resolves when its socket accepts. */
export async function startAgent(start: AgentStart): Promise<AgentProcess> {
  const { argv, environment, logFile, socketFolder, netnsInode } = start;
  const folder = join(socketFolder, `net-${netnsInode}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [program = "", ...args] = argv;
  const log = openSync(logFile, "a");
  const child = spawn(program, args, { stdio: ["ignore", log, log], env: { ...process.env, ...environment } });
  closeSync(log);
  const early = new AbortController();
  child.once("exit", (code, signal) => early.abort(new Error(`It ended early: ${signal ?? `exit status ${code}`}`)));
  child.once("error", (error) => early.abort(error));
  try {
    await waitForSocket(
      join(folder, "agent.sock"),
      AbortSignal.any([early.signal, AbortSignal.timeout(READY_DEADLINE_MS)]),
    );
  } catch (cause) {
    child.kill("SIGKILL");
    const said = readFileSync(logFile, "utf8").trim().split("\n").slice(-20).join("\n");
    throw new Error(`Cannot start the agent "${argv.join(" ")}": ${String(cause)}: ${said}`, { cause });
  }
  return {
    memory: () => readMemoryOf(child.pid ?? 0),
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const deadline = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
  await exited;
  clearTimeout(deadline);
}

/** proc(5): VmRSS of status, Pss of smaps_rollup. */
function readMemoryOf(pid: number): AgentMemory {
  return {
    rssKb: readField(`/proc/${pid}/status`, "VmRSS"),
    pssKb: readField(`/proc/${pid}/smaps_rollup`, "Pss"),
  };
}

function readField(path: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync(path, "utf8"));
  if (found === null) throw new Error(`Cannot read "${path}": no field "${name}"`);
  return Number(found[1]);
}
