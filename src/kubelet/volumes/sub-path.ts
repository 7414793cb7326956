/**
 * The part of a volume that a container mounts. It is made when it is not there; links in it must not lead out of the
 * volume, since the node would mount what they point to. Source: Kubernetes documentation, "Volumes", "Using subPath".
 */
import { chmod, chown, mkdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ContainerConfigError } from "../container/environment.ts";

/** Gives the path without links. Rejects with ContainerConfigError. */
export async function resolveSubPath(root: string, path: string): Promise<string> {
  const base = await realpath(root);
  const target = await resolveOrMake(base, path);
  if (target === base || target.startsWith(`${base}/`)) return target;
  throw new ContainerConfigError(`failed to prepare subPath for volumeMount: "${path}" leads out of the volume`);
}

async function resolveOrMake(base: string, path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  // Who may use the volume may use its parts.
  const { mode, uid, gid } = await stat(base);
  const made = await mkdir(path, { recursive: true });
  if (made !== undefined) {
    for (let folder = path; folder.startsWith(made); folder = dirname(folder)) {
      await chown(folder, uid, gid);
      await chmod(folder, mode & 0o7777);
    }
  }
  return await realpath(path);
}
