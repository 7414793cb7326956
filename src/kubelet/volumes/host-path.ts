/** Paths of the node as volumes. Source: Kubernetes documentation, "Volumes", "hostPath". */
import type { Stats } from "node:fs";
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ContainerConfigError } from "../container/environment.ts";

/** Makes what the type allows to make. Throws ContainerConfigError when something else is there. */
export async function ensureHostPath(path: string, type = ""): Promise<void> {
  if (type === "") return;
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 });
  if (type === "FileOrCreate") {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await (await open(path, "a", 0o644)).close();
  }
  const found = await stat(path).catch(() => undefined);
  const check = CHECKS[type];
  if (check === undefined || (found !== undefined && check.isRight(found))) return;
  throw new ContainerConfigError(`hostPath type check failed: ${path} is not ${check.what}`);
}

const CHECKS: Readonly<Record<string, { readonly what: string; isRight(found: Stats): boolean }>> = {
  Directory: { what: "a directory", isRight: (found) => found.isDirectory() },
  DirectoryOrCreate: { what: "a directory", isRight: (found) => found.isDirectory() },
  File: { what: "a file", isRight: (found) => found.isFile() },
  FileOrCreate: { what: "a file", isRight: (found) => found.isFile() },
  Socket: { what: "a socket file", isRight: (found) => found.isSocket() },
  CharDevice: { what: "a character device", isRight: (found) => found.isCharacterDevice() },
  BlockDevice: { what: "a block device", isRight: (found) => found.isBlockDevice() },
};
