/**
 * The files of one container's log: the one that is written, and those that were rotated away, named for their time.
 * Names as Kubernetes has them: `0.log`, `0.log.20300102-030405.678`.
 */
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Oldest first. */
export async function rotatedLogs(path: string): Promise<readonly string[]> {
  const [folder, prefix] = [dirname(path), `${basename(path)}.`];
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix))
    .toSorted()
    .map((name) => join(folder, name));
}

export function rotatedName(path: string, nowMs: number): string {
  const [date = "", time = ""] = new Date(nowMs).toISOString().replace("Z", "").split("T");
  return `${path}.${date.replaceAll("-", "")}-${time.replaceAll(":", "")}`;
}

/** Pods that have a folder of logs: `NAMESPACE_NAME_UID`. */
export async function podLogs(
  logRoot: string,
): Promise<readonly { readonly namespace: string; readonly name: string; readonly uid: string }[]> {
  const names = (await readdir(logRoot).catch(ignoreMissing)) ?? [];
  return names.flatMap((each) => {
    const [namespace, name, uid, ...more] = each.split("_");
    return namespace && name && uid && more.length === 0 ? [{ namespace, name, uid }] : [];
  });
}

/** Between a rotation and the runtime's next line there is no current one: then the newest rotated one. */
export async function openLog(path: string): Promise<FileHandle | undefined> {
  for (const candidate of [path, ...(await rotatedLogs(path)).toReversed(), path]) {
    const file = await open(candidate, "r").catch(ignoreMissing);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** What was written after this file; undefined while it is the current one. */
export async function openSuccessor(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const { ino } = await file.stat();
  const paths = [...(await rotatedLogs(path)), path];
  const inodes = await Promise.all(paths.map((each) => stat(each).then(({ ino: own }) => own, ignoreMissing)));
  const place = inodes.indexOf(ino);
  // Removed meanwhile: the oldest that is left follows.
  const next = paths[place + 1];
  return next === undefined ? undefined : await open(next, "r").catch(ignoreMissing);
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
