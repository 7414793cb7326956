/** Waits until something changes in the folders of these files, and until the burst of events of a save is over. */
import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** An editor writes a file in several steps. */
const QUIET_MS = 50;

/** Watches from now on; resolves after the first change. */
export async function waitForChange(paths: readonly string[], signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let quiet: NodeJS.Timeout | undefined;
  const onChange = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(resolve, QUIET_MS);
  };
  const folders = new Set(paths.filter((path) => path !== "-").map(folderOf));
  const watchers = [...folders].map(
    (folder): FSWatcher => watch(folder, { recursive: true }, onChange).on("error", reject),
  );
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(quiet);
    signal.removeEventListener("abort", onAbort);
    for (const watcher of watchers) watcher.close();
  }
}

/** Policies lie beside their tests or below them. */
function folderOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path);
}
