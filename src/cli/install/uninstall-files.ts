/**
 * Removes what `installFiles` has put into a folder, as far as it is still as installed, and puts back what was
 * replaced. Can be repeated at any point: the manifest goes last.
 */
import { lstatSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { replacedPath, resolvePath } from "./install-files.ts";
import { hashOfFile, manifestPath, PRIVATE_FOLDER, readManifest } from "./manifest.ts";

export interface UninstallOutcome {
  readonly removed: readonly string[];
  readonly restored: readonly string[];
  /** Not as installed any more: left alone. */
  readonly kept: readonly string[];
}

export function uninstallFiles(binDir: string): UninstallOutcome {
  const manifest = readManifest(binDir);
  if (manifest === undefined) return { removed: [], restored: [], kept: [] };
  const removed: string[] = [];
  const restored: string[] = [];
  const kept: string[] = [];
  for (const [path, sha256] of Object.entries(manifest.files).toSorted(byUse)) {
    const target = resolvePath(binDir, path);
    const replaced = isAbsolute(path) ? undefined : replacedPath(binDir, path);
    const there = hashOfFile(target);
    if (there !== undefined && there !== sha256) {
      kept.push(path);
    } else if (replaced !== undefined && exists(replaced)) {
      renameSync(replaced, target);
      restored.push(path);
    } else if (there !== undefined) {
      rmSync(target);
      removed.push(path);
    }
  }
  const folder = join(binDir, PRIVATE_FOLDER);
  rmSync(join(folder, "node"), { force: true });
  for (const made of ["compile-cache", "code-cache"]) rmSync(join(folder, made), { recursive: true, force: true });
  rmSync(manifestPath(binDir));
  removeIfEmpty(join(folder, "replaced"));
  removeIfEmpty(folder);
  return { removed, restored, kept };
}

/** First what makes a runtime use the plugins, then the plugins, then what they need. */
function byUse([a]: [string, string], [b]: [string, string]): number {
  const rank = (path: string): number => (isAbsolute(path) ? 0 : path.startsWith(`${PRIVATE_FOLDER}/`) ? 2 : 1);
  return rank(a) - rank(b);
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function removeIfEmpty(folder: string): void {
  if (exists(folder) && readdirSync(folder).length === 0) rmdirSync(folder);
}
