/**
 * What a cluster's nodes keep while they are stopped: a tmpfs for each, mounted by the keeper for its lifetime. The keeper
 * has a mount namespace of its own, so the machine sees nothing of it, and when the keeper is killed they are gone.
 * Source: mount(8), mount_namespaces(7).
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

export interface NodeDisks extends AsyncDisposable {
  /** The folder of a node's disk, as its last life has left it; empty at first. */
  open(nodeName: string, signal: AbortSignal): Promise<string>;
}

const UNMOUNT_TIMEOUT_MS = 10_000;

export function createNodeDisks(folder: string): NodeDisks {
  const mounted = new Set<string>();
  return {
    async open(nodeName, signal) {
      const path = join(folder, nodeName);
      if (mounted.has(path)) return path;
      await mkdir(path, { recursive: true });
      await run(["mount", "-n", "-t", "tmpfs", "-o", "mode=0755", "podwire-disk", path], signal);
      mounted.add(path);
      return path;
    },
    async [Symbol.asyncDispose]() {
      for (const path of mounted) await run(["umount", "-n", path], AbortSignal.timeout(UNMOUNT_TIMEOUT_MS));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The agent names its ledger by the inode of the node's network namespace, which a machine has for ever; a node that has
 * started again has another one. `rootPath`: the node's file tree.
 */
export async function renameLedger(rootPath: string, inode: number): Promise<void> {
  const folder = `${rootPath}/var/lib/podwire`;
  const [before] = (await readdir(folder)).filter((name) => /^net-\d+$/.test(name));
  if (before !== undefined) await rename(join(folder, before), join(folder, `net-${inode}`));
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<void> {
  const { code, stderr } = await runProgram(argv, signal);
  if (code !== 0) throw new Error(`Cannot run "${argv.join(" ")}": ${stderr.trim()}`);
}
