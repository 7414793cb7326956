/** Starts a cluster's keeper as a process of its own, which stays when the command that started it has ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { KeeperOptions } from "#cluster/keeper/run-keeper.ts";
import { waitForSocket } from "#cluster/wait-for-socket.ts";
import { CliError } from "../cli-error.ts";
import { NAME_TAKEN } from "../commands/keep-cluster.ts";

export interface StartedKeeper {
  /** Undefined when another process started a keeper of that name just before. */
  readonly child: ChildProcess | undefined;
}

const STDERR_SHOWN = 4000;
/** What it mounts, the nodes' disks, is nobody else's; what the machine mounts later, it sees. unshare(1) becomes it. */
const OWN_MOUNTS = ["--mount", "--propagation", "slave", "--"] as const;

/** Resolves when the keeper's socket answers. */
export async function startKeeper(options: KeeperOptions, signal: AbortSignal): Promise<StartedKeeper> {
  const { paths, podwire, spec } = options;
  mkdirSync(paths.runDir, { recursive: true, mode: 0o700 });
  const child = spawn("unshare", [...OWN_MOUNTS, ...podwire, "keep-cluster", spec.name], {
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
    cwd: "/",
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_SHOWN);
  });
  child.stdin.on("error", () => undefined); // it ended early, which is told below
  child.stdin.end(JSON.stringify(options));
  const ended = new AbortController();
  const onEnd = (why: string): void =>
    ended.abort(new CliError("failed", { what: "The cluster's keeper ended", why, evidence: stderr }));
  child.once("error", (error) => onEnd(String(error)));
  child.once("close", (code, killedBy) => onEnd(killedBy ?? `exit status ${code}`));
  try {
    await waitForSocket(paths.socket, AbortSignal.any([signal, ended.signal]));
  } catch (error) {
    if (child.exitCode === NAME_TAKEN) {
      await waitForSocket(paths.socket, signal);
      return { child: undefined };
    }
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    throw error;
  }
  // Whoever waits for it does so by its socket.
  child.unref();
  // A socket of Node's underneath; its type does not say so.
  if ("unref" in child.stderr && typeof child.stderr.unref === "function") child.stderr.unref();
  return { child };
}

/** Resolves when it has ended. */
export async function keeperEnd(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  await once(child, "exit");
}
