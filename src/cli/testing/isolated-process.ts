/**
 * Starts a program that may do no harm and hide nothing: in network, mount and PID namespaces of its own, with empty
 * folders in place of those that hold state. What it leaves ends with the namespaces.
 * Equal to `unshare --net --mount --pid --fork --mount-proc --propagation private`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname } from "node:path";

/** They must be there: something empty is mounted on each. */
export const STATE_FOLDERS = ["/run/podwire", "/run/netns", "/var/lib/podwire", "/var/lib/cni"] as const;

/** A shell as first process takes in orphans; the last word keeps it from becoming the program itself. */
const INIT = `set -e
for folder in ${STATE_FOLDERS.join(" ")}; do mount -t tmpfs -o mode=755 podwire-isolated "$folder"; done
ip link set lo up
"$@"
exit 0`;

const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];

export interface IsolatedProcessOptions {
  /** A module, with its arguments; options of node before it. */
  readonly program: readonly string[];
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** In a session of its own: Ctrl-C is for the caller alone. */
  readonly detached?: boolean;
}

/** It has the caller's stdout and stderr, and a channel for messages. Killing it ends everything in its namespaces. */
export function spawnIsolated({ program, environment, ...options }: IsolatedProcessOptions): ChildProcess {
  const argv = [process.execPath, "--disable-warning=ExperimentalWarning", ...program];
  return spawn("unshare", [...NAMESPACES, "sh", "-c", INIT, "sh", ...argv], {
    ...options,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, ...environment },
  });
}
