/** Ends a process that this one started: in order, or after a while by force. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

const DEADLINE_MS = 10_000;

export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const deadline = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  await exited;
  clearTimeout(deadline);
}
