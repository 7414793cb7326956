/**
 * Ends what a containerd that was killed has left and the next one does not know: killed between the start of a shim and
 * the note of its address, it removes the shim's folder at its next start, and nobody would ever stop the process.
 * Only shims from before the new containerd's start can be such.
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

/**
 * Of the shims that run now, those that serve nothing which is alive. By sandbox, not by process: a shim's starter that
 * was under way when containerd was killed makes the shim itself only later. Pure.
 */
export function findOrphans(
  earlier: readonly Shim[],
  running: readonly Shim[],
  alive: ReadonlySet<string>,
): readonly Shim[] {
  const before = new Set(earlier.map(({ sandboxId }) => sandboxId));
  return running.filter(({ sandboxId }) => before.has(sandboxId) && !alive.has(sandboxId));
}

/** Kills orphans of before this containerd's start, with their containers. Gives what they were for. */
export async function endOrphanedShims(
  machine: ShimMachine,
  cri: Pick<CriClient, "listPodSandbox" | "listContainers">,
  earlier: readonly Shim[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (earlier.length === 0) return [];
  const orphans = findOrphans(earlier, await listShims(machine), await aliveSandboxes(cri, signal));
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(END_TIMEOUT_MS)]);
  for (const { pid, sandboxId } of orphans) {
    await endCgroup(join(machine.podCgroupParent, sandboxId), deadline);
    await machine.exec(["kill", "-KILL", String(pid)], deadline);
  }
  return orphans.map(({ sandboxId }) => sandboxId);
}

/** containerd lists a sandbox as not ready when it has its record, and has lost its shim. */
async function aliveSandboxes(
  cri: Pick<CriClient, "listPodSandbox" | "listContainers">,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const [{ items }, { containers }] = await Promise.all([
    cri.listPodSandbox({ filter: { state: { state: "SANDBOX_READY" } } }, signal),
    cri.listContainers({ filter: { state: { state: "CONTAINER_RUNNING" } } }, signal),
  ]);
  return new Set([...items.map(({ id }) => id), ...containers.map(({ podSandboxId }) => podSandboxId)]);
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
