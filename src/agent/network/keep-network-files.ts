/**
 * Writes the files of the pod network, and tells at once when somebody else changes or removes one, its folder, or what
 * lies beside it: a configuration that comes before ours is used instead. Source: inotify(7), by way of fs.watch.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { draftName, isAsWritten, type NetworkFile, writeNetworkFiles } from "./network-files.ts";

export interface NetworkFileKeeper extends Disposable {
  /** From now on these are the ones. Answers the paths that were written. */
  write(files: readonly NetworkFile[]): readonly string[];
}

interface WatchedFolder {
  readonly inode: number;
  readonly watcher: FSWatcher;
}

export function keepNetworkFiles(onChange: () => void): NetworkFileKeeper {
  const folders = new Map<string, WatchedFolder>();
  let files: readonly NetworkFile[] = [];

  function hear(folder: string, name: string | null): void {
    const own = files.find(({ path }) => dirname(path) === folder && basename(path) === name);
    const isDraft = files.some(({ path }) => dirname(path) === folder && draftName(path) === name);
    if (isDraft || (own !== undefined && isAsWritten(own))) return; // we did that
    onChange();
  }

  /** Only a folder that is there can be watched; one that came in its place is another one. */
  function follow(folder: string): void {
    const inode = statSync(folder).ino;
    const known = folders.get(folder);
    if (known?.inode === inode) return;
    known?.watcher.close();
    const watcher = watch(folder, { persistent: false }, (_, name) => hear(folder, name));
    watcher.on("error", () => {
      watcher.close();
      folders.delete(folder);
      onChange();
    });
    folders.set(folder, { inode, watcher });
    if (!files.every(isAsWritten)) onChange(); // between the writing and the watching
  }

  return {
    write(wanted) {
      files = wanted;
      const written = writeNetworkFiles(wanted);
      for (const folder of new Set(wanted.map(({ path }) => dirname(path)))) follow(folder);
      return written;
    },
    [Symbol.dispose]() {
      for (const { watcher } of folders.values()) watcher.close();
      folders.clear();
    },
  };
}
