/**
 * Waits until a unix socket accepts connections: tried at once, and again at each change in its folder.
 * A server's last change there (mode or owner of the socket) comes after it listens, so no try is too early.
 */
import { watch } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";

/** The folder must be there. Rejects with the signal's reason. */
export function waitForSocket(path: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = watch(dirname(path));
    const finish = (error?: unknown): void => {
      watcher.close();
      signal.removeEventListener("abort", abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const abort = (): void => finish(signal.reason);
    const attempt = (): void => {
      const socket = connect(path);
      socket.once("connect", () => {
        socket.destroy();
        finish();
      });
      socket.once("error", (error: NodeJS.ErrnoException) => {
        // Not there, or not listening yet: its next change is the next try.
        if (error.code !== "ENOENT" && error.code !== "ECONNREFUSED") finish(error);
      });
    };
    watcher.on("change", attempt);
    watcher.on("error", finish);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    else attempt();
  });
}
