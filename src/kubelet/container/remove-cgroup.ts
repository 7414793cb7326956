/**
 * Control groups of containers are made and removed by runc. When it is killed in between, an empty one stays that the
 * runtime does not know; so the kubelet looks when the runtime has removed the container.
 * Both layouts: a folder in each hierarchy below /sys/fs/cgroup (v1), or one (v2). Source: cgroups(7).
 */
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";
/** Not there; no folder; still in use, so that it is somebody's. */
const FINE = ["ENOENT", "ENOTDIR", "EBUSY", "ENOTEMPTY"];

export async function removeCgroup(parent: string, id: string, root = ROOT): Promise<void> {
  const hierarchies = [root, ...(await readdir(root)).map((name) => join(root, name))];
  await Promise.all(hierarchies.map((folder) => removeIfEmpty(join(folder, parent, id))));
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && FINE.includes(String(error.code)))) throw error;
  }
}
