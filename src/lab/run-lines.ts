/** Runs a lab's lines of shell, as the person at the keyboard would. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface LabShell {
  /** KUBECONFIG, PATH with kubectl and podwire, the names of nodes as NODE1, NODE2, … */
  readonly environment: Readonly<Record<string, string>>;
}

/** Rejects with what the lines said when one of them fails. */
export async function runLines({ environment }: LabShell, lines: string, signal: AbortSignal): Promise<void> {
  const child = spawn("sh", ["-eu"], { env: { ...environment }, stdio: ["pipe", "pipe", "pipe"], signal });
  const closed = once(child, "close");
  child.stdin.on("error", () => undefined); // it may end before it has read everything
  child.stdin.end(`${lines}\n`);
  const [out, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  if (status !== 0) throw new Error(`sh ended with status ${status}: ${(errors || out).trim()}`);
}
