/**
 * Process 1 of a node, and with it the node's namespaces: network (new, or a named one), mount, UTS, IPC and PID.
 * A shell makes the node's file tree and then becomes the pause program. When the thread that called `startNodeInit`
 * ends, however it ends, the kernel kills `unshare`, then process 1, and with it everything in the node.
 * Source: unshare(1), nsenter(1), setpriv(1); pid_namespaces(7): the end of process 1 ends all others.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { type Command, NODE_FILES_DIR, shellScript } from "./node-root.ts";
import { exitStatus } from "./program.ts";

export interface NodeInit {
  /** Process id of the node's process 1, as this machine counts. */
  readonly pid: number;
  /** Settles when every process of the node has ended, whoever ended them. */
  readonly exited: Promise<unknown>;
  /** Kills every process of the node; resolves when none is left. May be called again. */
  kill(): Promise<void>;
}

export interface NodeInitOptions {
  readonly name: string;
  readonly netnsPath?: string | undefined;
  readonly rootCommands: readonly Command[];
  /** Runs its arguments in the node's control groups. */
  readonly inCgroups: (argv: readonly string[]) => readonly string[];
}

const KILL_TIMEOUT_MS = 30_000;

function initScript(rootCommands: readonly Command[]): string {
  return `# The old /proc counts as the machine does.
read -r pid rest </proc/self/stat
echo "init $pid"
# Nobody answers if our parent died before the kernel was told to kill us with it.
read -r go
${shellScript(rootCommands)}
cd /
echo ready
exec ${NODE_FILES_DIR}/init </dev/null >/dev/null 2>&1`;
}

export async function startNodeInit(options: NodeInitOptions, signal: AbortSignal): Promise<NodeInit> {
  const { name, netnsPath, rootCommands, inCgroups } = options;
  const network = netnsPath === undefined ? ["unshare", "--net"] : ["nsenter", `--net=${netnsPath}`, "unshare"];
  const unshare = [...network, "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child=KILL", "--"];
  const args = [
    "--pdeathsig",
    "KILL",
    "--",
    ...inCgroups([...unshare, "busybox", "sh", "-euc", initScript(rootCommands)]),
  ];
  // A session of its own: Ctrl-C is for the caller, who stops the node in order.
  const child = spawn("setpriv", args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  const closed = exitStatus(child);
  const stderr = text(child.stderr);
  child.stdin.on("error", () => undefined); // EPIPE: the child has ended, which "close" reports with its reason.

  let pid: number | undefined;
  const kill = async (): Promise<void> => {
    // Process 1 itself, so that unshare ends only after the kernel has ended all others.
    if (child.exitCode === null && child.signalCode === null) {
      if (pid === undefined) child.kill("SIGKILL");
      else killIfAlive(pid);
    }
    await withinKillTimeout(name, closed);
  };
  try {
    pid = await handshake(child, signal);
    child.stdout.resume();
  } catch (cause) {
    await kill();
    signal.throwIfAborted();
    throw new Error(`Cannot set up node "${name}": ${(await stderr).trim() || "its first process ended"}`, { cause });
  }
  return { pid, exited: closed, kill };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Gives the process id once the node's file tree is complete. */
async function handshake(child: Child, signal: AbortSignal): Promise<number> {
  const lines = createInterface({ input: child.stdout, signal });
  let pid: number | undefined;
  for await (const line of lines) {
    const [word, value] = line.split(" ");
    if (word === "init") {
      pid = Number(value);
      child.stdin.end("go\n");
    }
    if (word === "ready" && pid !== undefined) return pid;
  }
  signal.throwIfAborted();
  throw new Error("the set-up ended early");
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

async function withinKillTimeout(name: string, closed: Promise<unknown>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const message = `Cannot stop node "${name}": after SIGKILL its processes still run, perhaps in uninterruptible sleep`;
  const timer = setTimeout(() => reject(new Error(message)), KILL_TIMEOUT_MS);
  try {
    await Promise.race([closed, late]);
  } finally {
    clearTimeout(timer);
  }
}
