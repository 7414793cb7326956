/**
 * Ends what a containerd that was killed has left and the next one does not know: killed between the start of a shim and
 * the record of its sandbox, nobody would ever stop it. Only shims from before the new containerd's start can be such.
 * A shim is named by its sandbox: `containerd-shim-runc-v2 -namespace k8s.io -id SANDBOX …`; so is the control group in
 * which the sandbox's pause runs.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CriClient } from "#cri/cri-client.ts";
import { endCgroup } from "./cgroups.ts";
import type { NodeMachine } from "./node-machine.ts";

type ShimMachine = Pick<NodeMachine, "rootPath" | "podCgroupParent" | "exec">;

export interface Shim {
  /** As the node counts. */
  readonly pid: number;
  readonly sandboxId: string;
}

const END_TIMEOUT_MS = 10_000;

/** Of the node's process table. */
export async function listShims({ rootPath }: Pick<ShimMachine, "rootPath">): Promise<readonly Shim[]> {
  const proc = join(rootPath, "proc");
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  const shims = await Promise.all(
    pids.map(async (pid) => readShim(Number(pid), await read(join(proc, pid, "cmdline")))),
  );
  return shims.filter((shim) => shim !== undefined);
}

/** `cmdline` as in proc_pid_cmdline(5): arguments, each with a NUL behind it. */
export function readShim(pid: number, cmdline: string): Shim | undefined {
  const argv = cmdline.split("\0");
  const sandboxId = argv[argv.indexOf("-id") + 1];
  const isShim = argv[0]?.endsWith("containerd-shim-runc-v2") === true && argv.includes("k8s.io");
  return isShim && argv.includes("-id") && sandboxId !== undefined ? { pid, sandboxId } : undefined;
}

/** Kills those of `earlier` that this containerd does not know, with their containers. Gives what they were for. */
export async function endOrphanedShims(
  machine: ShimMachine,
  cri: Pick<CriClient, "listPodSandbox">,
  earlier: readonly Shim[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (earlier.length === 0) return [];
  const known = new Set((await cri.listPodSandbox({}, signal)).items.map(({ id }) => id));
  const running = await listShims(machine);
  const orphans = running.filter(
    ({ pid, sandboxId }) => !known.has(sandboxId) && earlier.some((shim) => shim.pid === pid),
  );
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(END_TIMEOUT_MS)]);
  for (const { pid, sandboxId } of orphans) {
    await endCgroup(join(machine.podCgroupParent, sandboxId), deadline);
    await machine.exec(["kill", "-KILL", String(pid)], deadline);
  }
  return orphans.map(({ sandboxId }) => sandboxId);
}

/** "" when the process has ended meanwhile. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return "";
    throw error;
  }
}
