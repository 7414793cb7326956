/**
 * Runs programs in a node's namespaces from outside. `nsenter` stays outside and waits, because a process cannot change
 * its own PID namespace. It must live as long as its child: an orphan would belong to the machine's process 1, and
 * until that one reaps it the node could not end. So the child is killed, never `nsenter`, and neither needs a parent
 * death signal: the node's process 1 has one, and ends everything in the node. Source: nsenter(1), pid_namespaces(7).
 */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { type ProgramResult, runProgram } from "./program.ts";

/** Arguments that run `argv` as a process of the node, for any way of spawning. */
export function enterNode(initPid: number, argv: readonly string[]): readonly string[] {
  return ["nsenter", `--target=${initPid}`, "--net", "--mount", "--uts", "--ipc", "--pid", "--", ...argv];
}

/** Runs a program in the node to its end. When the signal aborts, the program gets SIGKILL. */
export function execInNode(initPid: number, argv: readonly string[], signal: AbortSignal): Promise<ProgramResult> {
  return runProgram(enterNode(initPid, argv), signal, { kill: killEntered });
}

/** Kills what `nsenter` runs; itself only while it has started nothing. */
export function killEntered(nsenter: ChildProcess): void {
  signalEntered(nsenter, "SIGKILL");
}

export function signalEntered(nsenter: ChildProcess, signal: NodeJS.Signals): void {
  const children = nsenter.pid === undefined ? [] : childrenOf(nsenter.pid);
  if (children.length === 0) nsenter.kill(signal);
  for (const pid of children) signalIfAlive(pid, signal);
  // It stops itself when somebody stops its child; only when it goes on it sees the child's end, and lets the node end.
  nsenter.kill("SIGCONT");
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** What `nsenter` runs, as this machine counts; undefined before it has started anything, and after its end. */
export function enteredPid(nsenter: ChildProcess): number | undefined {
  return nsenter.pid === undefined ? undefined : childrenOf(nsenter.pid)[0];
}

/** Source: proc_pid_task(5), `children` (CONFIG_PROC_CHILDREN). */
function childrenOf(pid: number): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return list.split(" ").filter(Boolean).map(Number);
  } catch (error) {
    // Ended in the meantime: there is nobody to kill.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
