/**
 * Replaces all files of a folder at once: they lie in a folder of their own, `..data` points to it, and each name points
 * into `..data`. Readers see the old files or the new ones, never a mixture, and programs that watch `..data` notice.
 * Source: Kubernetes documentation, "ConfigMaps", "Mounted ConfigMaps are updated automatically".
 */
import { randomUUID } from "node:crypto";
import {
  chmod,
  lchown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeFiles } from "./volume-files.ts";

const DATA = "..data";

export interface WriteOptions {
  /** Group of all files, which may then read them. */
  readonly groupId?: number | undefined;
}

/** Gives whether anything has changed. */
export async function writeAtomically(
  folder: string,
  files: VolumeFiles,
  options: WriteOptions = {},
): Promise<boolean> {
  for (const path of files.keys()) requireInside(path);
  await mkdir(folder, { recursive: true });
  const current = await readLink(join(folder, DATA));
  if (current !== undefined && (await isSame(join(folder, current), files))) return false;
  const name = `..${new Date().toISOString().replaceAll(/[-:.TZ]/g, "_")}${randomUUID().slice(0, 8)}`;
  const next = join(folder, name);
  await mkdir(next, { mode: 0o755 });
  for (const [path, { content, mode }] of files) {
    const target = join(next, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    const { groupId } = options;
    if (groupId !== undefined) await lchown(target, 0, groupId);
    await chmod(target, groupId === undefined ? mode : mode | 0o040);
  }
  const draft = join(folder, "..data_tmp");
  await rm(draft, { force: true });
  await symlink(name, draft);
  await rename(draft, join(folder, DATA));
  await linkNames(folder, new Set(Array.from(files.keys(), topOf)));
  if (current !== undefined) await rm(join(folder, current), { recursive: true, force: true });
  return true;
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  const there = (await readdir(folder)).filter((name) => !name.startsWith(".."));
  for (const name of there) if (!names.has(name)) await rm(join(folder, name), { force: true });
  for (const name of names) if (!there.includes(name)) await symlink(join(DATA, name), join(folder, name));
}

function topOf(path: string): string {
  return path.split("/")[0] ?? path;
}

function requireInside(path: string): void {
  const parts = path.split("/");
  if (path === "" || parts[0] === "" || parts.includes("..") || path.startsWith("..")) {
    throw new Error(`Cannot write file "${path}" of a volume: it leads out of the volume`);
  }
}

async function isSame(folder: string, files: VolumeFiles): Promise<boolean> {
  const there = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  if (there.length !== files.size) return false;
  for (const [path, { content, mode }] of files) {
    const place = join(folder, path);
    const found = await readFile(place).catch(() => undefined);
    if (found === undefined || !found.equals(content)) return false;
    if (((await stat(place)).mode & mode) !== mode) return false;
  }
  return true;
}

async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
