/**
 * A pod's volumes on the node: made before its first container starts, files from the API kept fresh, all removed at the
 * end. A memory emptyDir is a tmpfs, equal to `mount -t tmpfs`.
 */
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Volume } from "#api/kinds/pod/volume.ts";
import { findQuantity } from "#api/quantity.ts";
import { ContainerConfigError } from "../container/environment.ts";
import { ensureHostPath } from "./host-path.ts";
import { type VolumeInput, volumeFiles } from "./volume-files.ts";
import { writeAtomically } from "./write-atomically.ts";

const run = promisify(execFile);

/** The pod's containers wait for it. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";

  constructor(volume: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`, { cause });
  }
}

const FOLDERS = [
  ["emptyDir", "kubernetes.io~empty-dir"],
  ["configMap", "kubernetes.io~configmap"],
  ["secret", "kubernetes.io~secret"],
  ["downwardAPI", "kubernetes.io~downward-api"],
  ["projected", "kubernetes.io~projected"],
] as const;

/** Makes or refreshes them. Gives their paths by name. Rejects with VolumeError. */
export async function ensureVolumes(podDirectory: string, input: VolumeInput): Promise<ReadonlyMap<string, string>> {
  const { spec } = input.pod;
  const groupId = spec.securityContext?.fsGroup;
  const paths = new Map<string, string>();
  for (const volume of spec.volumes ?? []) {
    const path = await ensureVolume(volume, { podDirectory, groupId, input }).catch((cause: unknown) => {
      throw new VolumeError(volume.name, cause);
    });
    paths.set(volume.name, path);
  }
  return paths;
}

interface Place {
  readonly podDirectory: string;
  readonly groupId: number | undefined;
  readonly input: VolumeInput;
}

async function ensureVolume(volume: Volume, { podDirectory, groupId, input }: Place): Promise<string> {
  if (volume.hostPath !== undefined) {
    await ensureHostPath(volume.hostPath.path, volume.hostPath.type);
    return volume.hostPath.path;
  }
  const folder = FOLDERS.find(([kind]) => volume[kind] !== undefined)?.[1];
  if (folder === undefined) {
    throw new ContainerConfigError(`volume "${volume.name}" is of a kind that this node does not support`);
  }
  const path = join(podDirectory, "volumes", folder, volume.name);
  const files = volumeFiles(volume, input);
  if (files !== undefined) {
    await writeAtomically(path, files, { groupId });
    return path;
  }
  await mkdir(path, { recursive: true });
  if (volume.emptyDir?.medium === "Memory") await ensureTmpfs(path, volume.emptyDir.sizeLimit);
  if (groupId !== undefined) await chown(path, 0, groupId);
  // Whoever the containers run as; new files get the group of the folder.
  await chmod(path, groupId === undefined ? 0o777 : 0o2777);
  return path;
}

async function ensureTmpfs(path: string, sizeLimit: string | undefined): Promise<void> {
  if ((await mountPoints()).includes(path)) return;
  const bytes = sizeLimit === undefined ? undefined : findQuantity(sizeLimit)?.nanos;
  const options = bytes === undefined ? [] : ["-o", `size=${bytes / 1_000_000_000n}`];
  await run("mount", ["-n", "-t", "tmpfs", ...options, "tmpfs", path]);
}

/** Source: proc_pid_mountinfo(5), field 5. */
async function mountPoints(): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
}

/** Removes the pod's folder with all its volumes; what is mounted below is unmounted, never emptied. */
export async function removePodDirectory(podDirectory: string): Promise<void> {
  const below = (await mountPoints()).filter((point) => point.startsWith(`${podDirectory}/`));
  for (const point of below.toSorted().toReversed()) await run("umount", ["-n", point]);
  await rm(podDirectory, { recursive: true, force: true });
}

/** Uids of pods that have a folder. */
export async function podDirectories(podsRoot: string): Promise<readonly string[]> {
  await mkdir(podsRoot, { recursive: true, mode: 0o750 });
  return await readdir(podsRoot);
}
